// What cloud-provider-openstack and Terraform's provider do with load balancers, by the library that both are made of.
//
// usage: main URL SUBNET_ID
//
// It says `done`, or ends with the first thing that was not as it should be: any answer that is an error, 409 above all.
package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud"
	"github.com/gophercloud/gophercloud/openstack/loadbalancer/v2/apiversions"
	"github.com/gophercloud/gophercloud/openstack/loadbalancer/v2/l7policies"
	"github.com/gophercloud/gophercloud/openstack/loadbalancer/v2/listeners"
	"github.com/gophercloud/gophercloud/openstack/loadbalancer/v2/loadbalancers"
	"github.com/gophercloud/gophercloud/openstack/loadbalancer/v2/monitors"
	"github.com/gophercloud/gophercloud/openstack/loadbalancer/v2/pools"
	"github.com/gophercloud/gophercloud/pagination"
)

const patience = 30 * time.Second

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func same(found, expected interface{}, what string) {
	if fmt.Sprint(found) != fmt.Sprint(expected) {
		must(fmt.Errorf("%v is not %v", found, expected), what)
	}
}

func pages(pager pagination.Pager, what string) pagination.Page {
	page, err := pager.AllPages()
	must(err, what)
	return page
}

// As both wait: for the load balancer, whatever was written.
func active(client *gophercloud.ServiceClient, id string) *loadbalancers.LoadBalancer {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		found, err := loadbalancers.Get(client, id).Extract()
		must(err, "the load balancer")
		if found.ProvisioningStatus == "ACTIVE" {
			return found
		}
		if found.ProvisioningStatus == "ERROR" || time.Now().After(deadline) {
			must(fmt.Errorf("it is %s", found.ProvisioningStatus), "waiting for ACTIVE")
		}
	}
}

func gone(client *gophercloud.ServiceClient, id string) {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		_, err := loadbalancers.Get(client, id).Extract()
		if _, is404 := err.(gophercloud.ErrDefault404); is404 {
			return
		}
		must(err, "the load balancer that was deleted")
		if time.Now().After(deadline) {
			must(fmt.Errorf("it is still there"), "waiting for its end")
		}
	}
}

// A Service of Kubernetes: made whole, its nodes change, it is deleted.
func kubernetes(client *gophercloud.ServiceClient, subnet string) {
	versions, err := apiversions.ExtractAPIVersions(pages(apiversions.List(client), "the versions"))
	must(err, "the versions")
	same(versions[len(versions)-1].ID, "v2.30", "the last version")

	name := "kube_service_cluster_default_web"
	none, err := loadbalancers.ExtractLoadBalancers(pages(loadbalancers.List(client, loadbalancers.ListOpts{Name: name}), "by name"))
	must(err, "by name")
	same(len(none), 0, "load balancers of that name")

	node := func(n int) pools.BatchUpdateMemberOpts {
		name, port := fmt.Sprintf("node-%d", n), 31000
		return pools.BatchUpdateMemberOpts{
			Address: fmt.Sprintf("10.0.0.%d", 10+n), ProtocolPort: 30080, Name: &name, SubnetID: &subnet, MonitorPort: &port,
		}
	}
	unlimited, second := -1, 50000
	monitor := monitors.CreateOpts{
		Name: "monitor_0", Type: "HTTP", Delay: 5, Timeout: 3, MaxRetries: 1, MaxRetriesDown: 3, URLPath: "/healthz",
		HTTPMethod: "GET", ExpectedCodes: "200",
	}
	pool := pools.CreateOpts{
		Name: "pool_0", Protocol: "TCP", LBMethod: "ROUND_ROBIN", Members: []pools.BatchUpdateMemberOpts{node(1), node(2)},
		Monitor: &monitor, Persistence: &pools.SessionPersistence{Type: "SOURCE_IP"},
	}
	listener := listeners.CreateOpts{
		Name: "listener_0", Protocol: "TCP", ProtocolPort: 80, ConnLimit: &unlimited, TimeoutClientData: &second,
		AllowedCIDRs: []string{"0.0.0.0/0"}, Tags: []string{name}, DefaultPool: &pool,
	}
	made, err := loadbalancers.Create(client, loadbalancers.CreateOpts{
		Name: name, Description: "Kubernetes external service", VipSubnetID: subnet, Tags: []string{name},
		Listeners: []listeners.CreateOpts{listener},
	}).Extract()
	must(err, "the whole load balancer")
	active(client, made.ID)

	found, err := listeners.ExtractListeners(pages(listeners.List(client, listeners.ListOpts{LoadbalancerID: made.ID}), "listeners"))
	must(err, "listeners")
	same(len(found), 1, "listeners")
	// What differs from what was asked for is put right at every reconcile, for ever.
	same(found[0].AllowedCIDRs, []string{"0.0.0.0/0"}, "its networks")
	same(found[0].Tags, []string{name}, "its tags")
	same(found[0].ConnLimit, -1, "its limit")
	poolsFound, err := pools.ExtractPools(pages(pools.List(client, pools.ListOpts{LoadbalancerID: made.ID}), "pools"))
	must(err, "pools")
	same(poolsFound[0].Listeners[0].ID, found[0].ID, "the pool's listener")
	id := poolsFound[0].ID

	// Nodes come and go, and nobody waits in between.
	for _, nodes := range [][]pools.BatchUpdateMemberOpts{{node(1)}, {node(1), node(2), node(3)}, {node(3)}} {
		must(pools.BatchUpdateMembers(client, id, nodes).ExtractErr(), "all members at once")
	}
	active(client, made.ID)
	members, err := pools.ExtractMembers(pages(pools.ListMembers(client, id, pools.ListMembersOpts{}), "members"))
	must(err, "members")
	same([]interface{}{len(members), members[0].Name, members[0].ProvisioningStatus}, []interface{}{1, "node-3", "ACTIVE"}, "who is left")

	must(loadbalancers.Delete(client, made.ID, loadbalancers.DeleteOpts{Cascade: true}).ExtractErr(), "the end of it all")
	gone(client, made.ID)
}

// Terraform: one object after the other, some at the same time; then each away again.
func terraform(client *gophercloud.ServiceClient, subnet string) {
	up := true
	lb, err := loadbalancers.Create(client, loadbalancers.CreateOpts{Name: "web", VipSubnetID: subnet, AdminStateUp: &up}).Extract()
	must(err, "a load balancer")
	active(client, lb.ID)
	listener, err := listeners.Create(client, listeners.CreateOpts{
		LoadbalancerID: lb.ID, Name: "front", Protocol: "HTTP", ProtocolPort: 80, AdminStateUp: &up,
		InsertHeaders: map[string]string{"X-Forwarded-For": "true"},
	}).Extract()
	must(err, "a listener")
	pool, err := pools.Create(client, pools.CreateOpts{
		ListenerID: listener.ID, Name: "servers", Protocol: "HTTP", LBMethod: "ROUND_ROBIN", AdminStateUp: &up,
	}).Extract()
	must(err, "a pool")
	monitor, err := monitors.Create(client, monitors.CreateOpts{
		PoolID: pool.ID, Type: "HTTP", Delay: 5, Timeout: 3, MaxRetries: 2, URLPath: "/", ExpectedCodes: "200", AdminStateUp: &up,
	}).Extract()
	must(err, "a monitor")

	var all sync.WaitGroup
	for n := 0; n < 10; n++ {
		all.Add(1)
		go func(n int) {
			defer all.Done()
			opts := pools.CreateMemberOpts{Address: fmt.Sprintf("10.0.1.%d", n+1), ProtocolPort: 80, AdminStateUp: &up}
			_, err := pools.CreateMember(client, pool.ID, opts).Extract()
			must(err, "one of ten members at once")
		}(n)
	}
	all.Wait()
	policy, err := l7policies.Create(client, l7policies.CreateOpts{
		ListenerID: listener.ID, Action: "REDIRECT_TO_URL", RedirectURL: "https://example.org/", AdminStateUp: &up,
	}).Extract()
	must(err, "a policy")
	rule, err := l7policies.CreateRule(client, policy.ID, l7policies.CreateRuleOpts{
		RuleType: "PATH", CompareType: "STARTS_WITH", Value: "/old", AdminStateUp: &up,
	}).Extract()
	must(err, "a rule")
	active(client, lb.ID)

	weight, name, delay := 5, "front-2", 9
	members, err := pools.ExtractMembers(pages(pools.ListMembers(client, pool.ID, pools.ListMembersOpts{}), "members"))
	must(err, "members")
	same(len(members), 10, "members")
	changed, err := pools.UpdateMember(client, pool.ID, members[0].ID, pools.UpdateMemberOpts{Weight: &weight}).Extract()
	must(err, "a member's weight")
	same(changed.Weight, 5, "a member's weight")
	_, err = listeners.Update(client, listener.ID, listeners.UpdateOpts{Name: &name}).Extract()
	must(err, "a listener's name")
	_, err = monitors.Update(client, monitor.ID, monitors.UpdateOpts{Delay: delay}).Extract()
	must(err, "a monitor's delay")
	_, err = pools.Update(client, pool.ID, pools.UpdateOpts{LBMethod: "LEAST_CONNECTIONS"}).Extract()
	must(err, "a pool's algorithm")
	active(client, lb.ID)
	tree, err := loadbalancers.GetStatuses(client, lb.ID).Extract()
	must(err, "the tree")
	same(tree.Loadbalancer.ProvisioningStatus, "ACTIVE", "the tree")

	must(l7policies.DeleteRule(client, policy.ID, rule.ID).ExtractErr(), "the rule's end")
	must(l7policies.Delete(client, policy.ID).ExtractErr(), "the policy's end")
	must(monitors.Delete(client, monitor.ID).ExtractErr(), "the monitor's end")
	must(pools.DeleteMember(client, pool.ID, members[0].ID).ExtractErr(), "a member's end")
	must(pools.Delete(client, pool.ID).ExtractErr(), "the pool's end")
	must(listeners.Delete(client, listener.ID).ExtractErr(), "the listener's end")
	active(client, lb.ID)
	must(loadbalancers.Delete(client, lb.ID, loadbalancers.DeleteOpts{}).ExtractErr(), "the load balancer's end")
	gone(client, lb.ID)
}

func main() {
	if len(os.Args) != 3 {
		must(fmt.Errorf("URL SUBNET_ID"), "usage")
	}
	url, subnet := os.Args[1], os.Args[2]
	provider := &gophercloud.ProviderClient{}
	client := &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: url + "/", ResourceBase: url + "/v2.0/"}
	kubernetes(client, subnet)
	terraform(client, subnet)
	fmt.Println("done")
}
