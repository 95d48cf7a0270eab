// Package storetrial tries the store from outside, over its exported names alone: random operations
// against a map, many users at once, damaged files, full and failing disks.
package storetrial
