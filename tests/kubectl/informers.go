// client-go's dynamic informers against a server: what they hold is what the server has, whatever happens on
// the way. informers KUBECONFIG [young]: each line is a check; closes with "N passed, N failed".
// young: a server that has just started still knows its first revision; then the wire says 410 in its place.
// KUBE_FEATURE_WatchListClient=false: lists and then watches, in place of one streamed list.
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	sets       = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	druids     = schema.GroupVersionResource{Group: "druid.apache.org", Version: "v1alpha1", Resource: "druids"}
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

const (
	patience = 40 * time.Second // the longest pause of a reflector that was refused is 30 s
	resync   = 2 * time.Second
)

type object = map[string]interface{}

// seen counts what one handler was told.
type seen struct {
	sync.Mutex
	added, updated, deleted, resynced map[string]int
	unknown                           int // deletions of which only the last known state is known
	last                              map[string]*unstructured.Unstructured
}

func newSeen() *seen {
	return &seen{added: map[string]int{}, updated: map[string]int{}, deleted: map[string]int{}, resynced: map[string]int{},
		last: map[string]*unstructured.Unstructured{}}
}

func (s *seen) handlers() cache.ResourceEventHandlerFuncs {
	note := func(counts map[string]int, value interface{}) *unstructured.Unstructured {
		if gone, ok := value.(cache.DeletedFinalStateUnknown); ok {
			s.unknown++
			value = gone.Obj
		}
		one := value.(*unstructured.Unstructured)
		counts[one.GetName()]++
		s.last[one.GetName()] = one
		return one
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(value interface{}) { s.Lock(); defer s.Unlock(); note(s.added, value) },
		UpdateFunc: func(old, value interface{}) {
			s.Lock()
			defer s.Unlock()
			if old.(*unstructured.Unstructured).GetResourceVersion() == value.(*unstructured.Unstructured).GetResourceVersion() {
				note(s.resynced, value)
			} else {
				note(s.updated, value)
			}
		},
		DeleteFunc: func(value interface{}) { s.Lock(); defer s.Unlock(); note(s.deleted, value) },
	}
}

func (s *seen) is(check func() bool) func() bool {
	return func() bool { s.Lock(); defer s.Unlock(); return check() }
}

type test struct {
	client         dynamic.Interface
	wire           *wire
	namespace      string
	passed, failed int
}

func (t *test) check(name string, held bool) {
	if held {
		t.passed++
		return
	}
	t.failed++
	fmt.Println("FAILED: " + name)
}

func (t *test) soon(name string, held func() bool) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if held() {
			t.check(name, true)
			return
		}
	}
	t.check(name, false)
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		fmt.Println("0 passed, 1 failed")
		os.Exit(1)
	}
}

func (t *test) of(kind schema.GroupVersionResource) dynamic.ResourceInterface {
	return t.client.Resource(kind).Namespace(t.namespace)
}

func (t *test) make(kind schema.GroupVersionResource, name string) {
	pods := object{"metadata": object{"labels": object{"app": "a"}}, "spec": object{"containers": []interface{}{object{"name": "c", "image": "i:1"}}}}
	bodies := map[schema.GroupVersionResource]object{
		configMaps: {"apiVersion": "v1", "kind": "ConfigMap", "data": object{"a": "1", "empty": ""}},
		sets: {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": object{"serviceName": "s", "replicas": int64(0), "template": pods,
			"selector": object{"matchLabels": object{"app": "a"}}}},
		druids: {"apiVersion": "druid.apache.org/v1alpha1", "kind": "Druid", "spec": object{"image": "druid:1", "common.runtime.properties": "a=b",
			"nodes": object{"brokers": object{"nodeType": "broker", "druid.port": int64(8082), "nodeConfigMountPath": "/c", "replicas": int64(1),
				"runtime.properties": "c=d"}}}},
	}
	body := bodies[kind]
	body["metadata"] = object{"name": name, "labels": object{"side": "left"}}
	_, err := t.of(kind).Create(context.Background(), &unstructured.Unstructured{Object: body}, metav1.CreateOptions{})
	must(err)
}

func (t *test) patch(kind schema.GroupVersionResource, name, body string, subresources ...string) {
	_, err := t.of(kind).Patch(context.Background(), name, types.MergePatchType, []byte(body), metav1.PatchOptions{}, subresources...)
	must(err)
}

func (t *test) remove(kind schema.GroupVersionResource, name string) {
	must(t.of(kind).Delete(context.Background(), name, metav1.DeleteOptions{}))
}

// Whether a store holds what the server has, value by value.
func (t *test) equal(kind schema.GroupVersionResource, lister cache.GenericLister) func() bool {
	return func() bool {
		list, err := t.of(kind).List(context.Background(), metav1.ListOptions{})
		must(err)
		held, err := lister.ByNamespace(t.namespace).List(labels.Everything())
		must(err)
		if len(held) != len(list.Items) {
			return false
		}
		for i := range list.Items {
			one, err := lister.ByNamespace(t.namespace).Get(list.Items[i].GetName())
			if err != nil || !equality.Semantic.DeepEqual(one.(*unstructured.Unstructured).Object, list.Items[i].Object) {
				return false
			}
		}
		return true
	}
}

// An object's life as each kind of informer is told it.
func (t *test) life(kind schema.GroupVersionResource, all, left *seen, lister cache.GenericLister) {
	name := kind.Resource + ": "
	t.make(kind, "late")
	t.soon(name+"a new one is added", all.is(func() bool { return all.added["late"] == 1 && left.added["late"] == 1 }))
	t.patch(kind, "late", `{"metadata":{"labels":{"side":"right"}}}`)
	t.soon(name+"a change is told, and leaves a selection", all.is(func() bool { return all.updated["late"] == 1 }))
	t.soon(name+"what leaves a selection is deleted there", left.is(func() bool { return left.deleted["late"] == 1 }))
	t.patch(kind, "late", `{"metadata":{"labels":{"side":"left"}}}`)
	t.soon(name+"and added when it is back", left.is(func() bool { return left.added["late"] == 2 && left.last["late"].GetLabels()["side"] == "left" }))
	t.soon(name+"the store is as the server", t.equal(kind, lister))
	t.remove(kind, "late")
	t.soon(name+"a deletion is told", all.is(func() bool { return all.deleted["late"] == 1 }))
	t.soon(name+"the store has forgotten it", t.equal(kind, lister))
}

// The connection ends; what was missed is told from where the watch was.
func (t *test) cut(kind schema.GroupVersionResource, all *seen, lister cache.GenericLister) {
	before := t.wire.begun(kind.Resource)
	t.wire.shut(kind.Resource, true)
	t.make(kind, "meanwhile")
	t.patch(kind, "one", `{"metadata":{"annotations":{"a":"b"}}}`)
	t.remove(kind, "two")
	t.wire.shut(kind.Resource, false)
	t.soon(kind.Resource+": what happened while it was cut off is told", all.is(func() bool {
		return all.added["meanwhile"] == 1 && all.updated["one"] == 1 && all.deleted["two"] == 1 && all.unknown == 0
	}))
	t.soon(kind.Resource+": the store is as the server behind that", t.equal(kind, lister))
	t.check(kind.Resource+": without beginning anew", t.wire.begun(kind.Resource) == before)
}

// The server does not know any more where the watch was: 410, and all is read again.
func (t *test) forgotten(kind schema.GroupVersionResource, all *seen, lister cache.GenericLister) {
	before := t.wire.begun(kind.Resource)
	t.wire.shut(kind.Resource, true)
	t.wire.old(kind.Resource)
	t.make(kind, "unseen")
	t.remove(kind, "meanwhile")
	t.wire.shut(kind.Resource, false)
	t.soon(kind.Resource+": an old revision is gone", func() bool { return t.wire.gone(kind.Resource) })
	t.soon(kind.Resource+": it begins anew", func() bool { return t.wire.begun(kind.Resource) > before })
	t.soon(kind.Resource+": what is new then is added", all.is(func() bool { return all.added["unseen"] == 1 }))
	t.soon(kind.Resource+": what is gone then is deleted", all.is(func() bool { return all.deleted["meanwhile"] == 1 && all.unknown == 1 }))
	t.soon(kind.Resource+": the store is as the server again", t.equal(kind, lister))
	t.patch(kind, "unseen", `{"metadata":{"annotations":{"a":"b"}}}`)
	t.soon(kind.Resource+": and the watch goes on", all.is(func() bool { return all.updated["unseen"] == 1 }))
}

func (t *test) run() {
	stop := make(chan struct{})
	defer close(stop)
	kinds := []schema.GroupVersionResource{configMaps, sets, druids}
	whole := dynamicinformer.NewFilteredDynamicSharedInformerFactory(t.client, resync, t.namespace, nil)
	part := dynamicinformer.NewFilteredDynamicSharedInformerFactory(t.client, 0, t.namespace, func(o *metav1.ListOptions) { o.LabelSelector = "side=left" })
	all, left := map[schema.GroupVersionResource]*seen{}, map[schema.GroupVersionResource]*seen{}
	for _, kind := range kinds {
		for _, name := range []string{"one", "two", "three"} {
			t.make(kind, name)
		}
		all[kind], left[kind] = newSeen(), newSeen()
		_, err := whole.ForResource(kind).Informer().AddEventHandler(all[kind].handlers())
		must(err)
		_, err = part.ForResource(kind).Informer().AddEventHandler(left[kind].handlers())
		must(err)
	}
	whole.Start(stop)
	part.Start(stop)
	for _, kind := range kinds {
		lister, counts := whole.ForResource(kind).Lister(), all[kind]
		t.soon(kind.Resource+": it is in step", whole.ForResource(kind).Informer().HasSynced)
		t.soon(kind.Resource+": in step, too, with a selection", part.ForResource(kind).Informer().HasSynced)
		t.soon(kind.Resource+": what was there is added", counts.is(func() bool { return counts.added["one"]*counts.added["two"]*counts.added["three"] == 1 }))
		t.soon(kind.Resource+": the store is as the server at first", t.equal(kind, lister))
		t.check(kind.Resource+": it began as it was told to", t.wire.begins(kind.Resource))
		t.life(kind, counts, left[kind], lister)
		t.cut(kind, counts, lister)
		t.forgotten(kind, counts, lister)
	}
	t.patch(druids, "one", `{"status":{"message":"words"}}`, "status")
	t.soon("druids: a status is told, and is no new generation", all[druids].is(func() bool {
		one := all[druids].last["one"]
		message, _, _ := unstructured.NestedString(one.Object, "status", "message")
		return message == "words" && one.GetGeneration() == 1
	}))
	told := all[configMaps]
	told.Lock()
	one, three := told.resynced["one"], told.resynced["three"]
	told.Unlock()
	t.soon("configmaps: all is told again after a while", told.is(func() bool { return told.resynced["one"] > one && told.resynced["three"] > three }))
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	must(err)
	t := &test{wire: newWire(), namespace: fmt.Sprintf("informers-%x", time.Now().UnixNano())}
	t.wire.young = len(os.Args) > 2 && os.Args[2] == "young"
	config.Wrap(t.wire.wrap)
	config.QPS = -1
	t.client, err = dynamic.NewForConfig(config)
	must(err)
	namespace := &unstructured.Unstructured{Object: object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": t.namespace}}}
	_, err = t.client.Resource(namespaces).Create(context.Background(), namespace, metav1.CreateOptions{})
	must(err)
	t.run()
	must(t.client.Resource(namespaces).Delete(context.Background(), t.namespace, metav1.DeleteOptions{}))
	fmt.Printf("%d passed, %d failed\n", t.passed, t.failed)
	if t.failed > 0 {
		os.Exit(1)
	}
}
