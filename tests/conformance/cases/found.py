"""What random requests found, once each."""
from kinds import BY_PLURAL, merged
from play import APPLY, DELETE, GET, JSONP, MERGE, PARTIAL, POST, PUT, STRATEGIC, WATCH, case


def one(plural, **metadata):
    return BY_PLURAL[plural].make(**metadata)


def labels(value):
    return {"metadata": {"labels": value}}


def container(**fields):
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", **fields}]}}}}


case("found: strategic patches of wrong types", POST("configmaps", one("configmaps")), *[STRATEGIC("configmaps/a", patch) for patch in (
    labels({"x": 5}), labels(["x"]), labels("a"), labels({"x": True}), labels({"x": 1.5}), labels({"x": ["a"]}), labels({"x": {"a": "b"}}),
    {"metadata": {"finalizers": {"a": "b"}}}, {"metadata": {"finalizers": "a"}}, {"metadata": {"generation": "5"}}, {"metadata": "a"}, {"metadata": ["a"]},
    {"data": ["k"]}, {"binaryData": {"x": "%"}}, {"binaryData": {"x": 5}}, {"binaryData": {"x": ["a"]}}, {"immutable": "yes"}, {"immutable": 5},
    {"metadata": {"creationTimestamp": "now"}}, {"metadata": {"creationTimestamp": 5}}, {"metadata": {"ownerReferences": [5]}},
    {"metadata": {"generation": 1.5}}, {"metadata": {"annotations": {"b": None}, "labels": {"x": 9}}, "immutable": 3})])
case("found: strategic patches of wrong types, deeper", POST("statefulsets", one("statefulsets")), *[STRATEGIC("statefulsets/a", patch) for patch in (
    {"spec": {"replicas": "a"}}, {"spec": {"replicas": 1.5}}, {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": True}}}}, {"spec": "a"},
    container(resources={"requests": {"cpu": "x"}}), container(resources={"requests": {"cpu": True}}), container(livenessProbe={"httpGet": {"port": 1.5}}),
    container(env="a"), container(command=[5]), {"spec": {"template": {"spec": {"containers": "a", "terminationGracePeriodSeconds": "a"}}}},
    {"spec": {"template": {"spec": {"topologySpreadConstraints": [{"maxSkew": 0, "whenUnsatisfiable": "Never"}]}}}})])
case("found: what an update removes last is not in the event", POST("secrets", one("secrets", finalizers=["a.example/x"])), DELETE("secrets/a"),
     WATCH("secrets?resourceVersion=${1.metadata.resourceVersion}", 2, MERGE("secrets/a", {"metadata": {"finalizers": None, "labels": {"late": "1"}}})))
case("found: a custom object that calls itself otherwise", POST("druids", merged(one("druids"), {"kind": "Other"})), POST("druids", merged(one("druids"), {"kind": "Other", **labels({"x": 5})})),
     POST("druids", one("druids")), POST("druids", merged(one("druids"), {"kind": "Other"})), MERGE("druids/a", {"kind": "Other"}),
     PUT("druids/a", merged(one("druids"), {"kind": "Other", "metadata": {"resourceVersion": "${3.metadata.resourceVersion}"}})))
case("found: nobody is warned of what is refused", POST("druids", one("druids", finalizers=["a.example/x"])), DELETE("druids/a"), GET("druids"), JSONP("druids/a", {"op": "replace", "path": "/metadata/finalizers/0", "value": "2"}),
     POST("statefulsets", merged(one("statefulsets"), {"spec": {"replicas": -1, "template": {"spec": {"terminationGracePeriodSeconds": -1}}}})))
case("found: the first write to a claim is one", POST("persistentvolumeclaims", one("persistentvolumeclaims")), MERGE("persistentvolumeclaims/a", {}), MERGE("persistentvolumeclaims/a", {}))
case("found: empty annotations that are applied to a custom object", APPLY("druids/a", one("druids", annotations={})), MERGE("druids/a", {}), MERGE("druids/a", {}), GET("druids/a"))
for propagation in ("Foreground", "Orphan", "Background"):
    case("found: a dry run in the URL beside a body, " + propagation, POST("poddisruptionbudgets", one("poddisruptionbudgets")), DELETE("poddisruptionbudgets/a?dryRun=All", {"propagationPolicy": propagation}), GET("poddisruptionbudgets/a"))
case("found: dry runs of Services", POST("services", one("services")), DELETE("services/a"), PUT("services/a?dryRun=All", merged(one("services"), {"metadata": {"resourceVersion": "${1.metadata.resourceVersion}"}})),
     POST("services?dryRun=All", one("services")), POST("services?dryRun=All", one("services")))
case("found: metadata are judged last", POST("poddisruptionbudgets", merged(one("poddisruptionbudgets", labels={"x": "bad value!"}), {"spec": {"maxUnavailable": "120%"}})),
     POST("poddisruptionbudgets", one("poddisruptionbudgets", labels={"x": "bad value!"})))
case("found: scaled to nothing", POST("statefulsets", one("statefulsets")), MERGE("statefulsets/a/scale", {"spec": {"replicas": 0}}), GET("statefulsets/a"), MERGE("statefulsets/a", labels({"x": "1"})))
NODE_PORT = {"port": 80, "nodePort": 80}
case("found: a dry run looks at node ports less closely", POST("services", one("services")), MERGE("services/a", {"spec": {"type": "NodePort", "ports": [NODE_PORT]}}),
     *[MERGE("services/a?dryRun=All", {"spec": {"type": "NodePort", "ports": ports}}) for ports in (
         [NODE_PORT], [{"port": 80}], [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}], [{"name": "a", **NODE_PORT}, {"port": 81, "name": "b"}],
         [{"port": 80, "name": "a", "nodePort": 200}, {"port": 81, "name": "b"}], [{"port": 80, "name": "a", "nodePort": 40000}, {"port": 81, "name": "b"}])],
     *[POST("services?dryRun=All", merged(one("services", name=name), {"spec": {"type": "NodePort", "ports": ports}})) for name, ports in (
         ("b", [NODE_PORT]), ("c", [{"port": 80}]), ("d", [{"port": 53, "name": "t"}, {"port": 53, "name": "u", "protocol": "UDP"}, {"port": 54, "name": "v"}]))])
case("found: node ports that are taken", POST("services", merged(one("services"), {"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30042}]}})),
     *[POST("services" + query, merged(one("services", name="b"), {"spec": {"type": "NodePort", "ports": ports}})) for query in ("?dryRun=All", "") for ports in (
         [{"port": 80, "nodePort": 30042}], [{"port": 80, "name": "a"}, {"port": 81, "name": "b", "nodePort": 30042}],
         [{"port": 53, "name": "t", "nodePort": 30043}, {"port": 53, "name": "u", "nodePort": 30043, "protocol": "UDP"}, {"port": 53, "name": "v", "protocol": "SCTP"}])],
     MERGE("services/a", {"spec": {"ports": [{"port": 80, "nodePort": 30042}, {"port": 81, "nodePort": 30043}]}}), DELETE("services/b"),
     MERGE("services/a", {"spec": {"ports": [{"name": "a", "port": 80, "nodePort": 30044}, {"name": "b", "port": 81}]}}), DELETE("services/a"))
OTHER = {"kind": "Other", "unknown": 1, "spec": {"unknown": 2, "image": None}}
case("found: nothing is known of the fields of another kind", *[step for query in ("Strict", "Warn", "Ignore") for step in (
    PUT("druids/a?fieldValidation=" + query, merged(one("druids"), OTHER)), POST("druids?fieldValidation=" + query, {**merged(one("druids"), OTHER), "metadata": {"name": "a", "unknown": 3}}),
    POST("druids?fieldValidation=" + query, {**merged(one("druids"), OTHER)}))],
     POST("druids", one("druids")), *[PUT("druids/a?fieldValidation=" + query, merged(merged(one("druids"), OTHER), {"metadata": {"resourceVersion": "${10.metadata.resourceVersion}"}})) for query in ("Strict", "Warn")],
     *[MERGE("druids/a?fieldValidation=" + query, OTHER) for query in ("Strict", "Warn")], APPLY("druids/a", merged(one("druids"), OTHER)), GET("druids/a"))
for plural in ("configmaps", "poddisruptionbudgets", "services", "ingresses", "pods", "druids", "storageclasses", "horizontalpodautoscalers"):
    at = "%s/%s" % (plural, BY_PLURAL[plural].name("a"))
    case("found: deleted at a revision when only the collector's finalizers hold it, " + plural,
         *[step for first, policy in ((1, "Orphan"), (6, "Foreground")) for step in (
             POST(plural, one(plural)), DELETE(at, {"propagationPolicy": policy}),
             *[DELETE(at, {"propagationPolicy": "Background", "preconditions": {"resourceVersion": "${%d.metadata.resourceVersion}" % wrote}}) for wrote in (first, first + 1)],
             DELETE(at, {"propagationPolicy": "Background", "preconditions": {"uid": "${%d.metadata.uid}" % first}}))],
         POST(plural, one(plural, finalizers=["orphan"])), DELETE(at, {"propagationPolicy": "Background", "preconditions": {"resourceVersion": "${11.metadata.resourceVersion}"}}), GET(at),
         DELETE(at, {"propagationPolicy": "Background"}), POST(plural, one(plural)), DELETE(at, {"propagationPolicy": "Background", "preconditions": {"resourceVersion": "${15.metadata.resourceVersion}"}}))
case("found: new finalizers of what is being deleted", *[step for plural in ("configmaps", "statefulsets", "druids") for step in (
    POST(plural, one(plural, finalizers=["a.example/x"])), DELETE(plural + "/a"), MERGE(plural + "/a", {"metadata": {"finalizers": ["a.example/z", "a.example/x", "a.example/y", "a.example/z"]}}),
    MERGE(plural + "/a", {"metadata": {"finalizers": ["a.example/x", "a.example/x"]}}))])
BAD_LABEL = {"metadata": {"labels": {"x": 5}}}
case("found: of several mistakes the first of a type that decodes itself is told", *[step for plural, wrong in (
    ("leases", {"spec": {"renewTime": "now", "holderIdentity": 5}}), ("statefulsets", container(resources={"limits": {"cpu": "much"}}, image=5)), ("secrets", {"data": {"a": "%", "b": 5}}),
    ("services", {"spec": {"type": 5, "ports": [{"port": "a", "targetPort": True}]}}), ("configmaps", {"data": {"a": 5, "b": ["x"]}}), ("configmaps", {"immutable": 5, "data": ["a"]}))
    for step in (POST(plural + "?dryRun=All", merged(merged(one(plural), wrong), BAD_LABEL)), POST(plural, one(plural)), MERGE(plural + "/a", merged(BAD_LABEL, wrong)), MERGE(plural + "/a", wrong))],
     APPLY("configmaps/a", merged(one("configmaps"), {"immutable": 5})), APPLY("secrets/a", merged(one("secrets"), {"data": {"b": 5}})))
case("found: an annotation of a Deployment is a generation that is warned of", *[step for plural in ("deployments", "statefulsets") for step in (
    POST(plural, merged(one(plural), {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": -1}}}})), MERGE(plural + "/a", {"metadata": {"annotations": {"a": "b"}}}),
    MERGE(plural + "/a", labels({"x": "1"})), MERGE(plural + "/a", {"spec": {"replicas": 4}}), MERGE(plural + "/a/scale", {"spec": {"replicas": 2}}))])
for plural in sorted(BY_PLURAL):
    if plural not in ("namespaces", "pods"): # which have finalizers of another kind, and no time for this
        at = "%s/%s" % (plural, BY_PLURAL[plural].name("a"))
        case("found: a label and a new finalizer of what is being deleted, " + plural, POST(plural, one(plural, finalizers=["a.example/x"])), DELETE(at),
             MERGE(at, {"metadata": {"finalizers": ["a.example/x", "a.example/z"], "labels": {"x": "bad value!"}}}),
             MERGE(at, {"metadata": {"finalizers": ["a.example/x", "a.example/z", "plain", "bad finalizer!"], "annotations": {"bad key!": "1"}, "labels": {"x": "bad value!"}}}),
             MERGE(at, {"metadata": {"finalizers": None}}))
case("found: what goes without its collector's finalizers had them to the last", *[step for number, policy in ((1, "Orphan"), (5, "Foreground")) for step in (
    POST("deployments", one("deployments", name="n%d" % number)), DELETE("deployments/n%d" % number, {"propagationPolicy": policy}), DELETE("deployments/n%d" % number, {"propagationPolicy": "Background"}),
    WATCH("deployments?resourceVersion=${%d.metadata.resourceVersion}" % number, 2, seconds=2))])
for plural in sorted(BY_PLURAL):
    if plural != "namespaces": # which have finalizers of another kind
        at = "%s/%s" % (plural, BY_PLURAL[plural].name("a"))
        case("found: a dry run of a deletion that lets go what only the collector's finalizers hold, " + plural,
             POST(plural, one(plural)), *[step for number, policy in ((2, "Orphan"), (11, "Foreground")) for step in (
                 DELETE(at, {"propagationPolicy": policy}), *[DELETE(at, {"propagationPolicy": "Background", "dryRun": ["All"], **more}) for more in (
                     {}, {"preconditions": {"resourceVersion": "${%d.metadata.resourceVersion}" % number}}, {"preconditions": {"resourceVersion": "${1.metadata.resourceVersion}"}})],
                 DELETE(at + "?propagationPolicy=Background&dryRun=All"), DELETE(at, {"dryRun": ["All"]}), GET(at, Accept=PARTIAL), DELETE(at, {"propagationPolicy": "Background"}), POST(plural, one(plural)))])
