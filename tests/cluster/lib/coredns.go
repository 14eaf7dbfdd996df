// Cluster DNS of the node profile: CoreDNS with the plugins its Corefile names (../dns.yaml), not the
// fifty of the released program.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
)

func init() { dnsserver.Directives = []string{"ready", "errors", "cache", "kubernetes"} }

func main() { coremain.Run() }
