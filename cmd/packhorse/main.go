// Command packhorse is the gateway and everything around it.
package main

func main() {}
