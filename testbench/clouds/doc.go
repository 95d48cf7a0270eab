// Package clouds plays whole Internet gateways of ours against private gateways of ours, which the tests of each know
// only with a double on the other side. No part is faked but the networks between them.
package clouds
