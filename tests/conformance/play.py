"""What a case is, and how it is played against a server.

A case has a name and steps; each step is a request. It has a namespace of its own, `$ns` in any text of
it, and what an earlier step was answered is referred to as `${STEP.path.in.the.answer}`; STEP counts from 1.
A path that does not begin with a slash is a resource: `configmaps/a`, `statefulsets/a/scale?dryRun=All`,
`druids`, in the namespace of the case where the kind has namespaces.
"""
import hashlib
import json
import re
import time

import masks

CORE, APPS = "/api/v1", "/apis/apps/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PREFIX = {
    **dict.fromkeys(("pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "serviceaccounts", "events",
                     "endpoints", "resourcequotas", "limitranges"), CORE),
    **dict.fromkeys(("statefulsets", "deployments", "replicasets", "controllerrevisions"), APPS),
    "horizontalpodautoscalers": "/apis/autoscaling/v2", "poddisruptionbudgets": "/apis/policy/v1",
    "ingresses": "/apis/networking.k8s.io/v1", "networkpolicies": "/apis/networking.k8s.io/v1",
    "leases": "/apis/coordination.k8s.io/v1", "endpointslices": "/apis/discovery.k8s.io/v1",
    "roles": RBAC, "rolebindings": RBAC,
    "druids": "/apis/druid.apache.org/v1alpha1", "druidingestions": "/apis/druid.apache.org/v1alpha1",
}
CLUSTER_PREFIX = {
    **dict.fromkeys(("namespaces", "nodes", "persistentvolumes"), CORE),
    "storageclasses": "/apis/storage.k8s.io/v1", "priorityclasses": "/apis/scheduling.k8s.io/v1",
    "ingressclasses": "/apis/networking.k8s.io/v1", "clusterroles": RBAC, "clusterrolebindings": RBAC,
    "customresourcedefinitions": "/apis/apiextensions.k8s.io/v1",
}
PATCH_TYPES = {"merge": "application/merge-patch+json", "json": "application/json-patch+json",
               "strategic": "application/strategic-merge-patch+json", "apply": "application/apply-patch+yaml"}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"

CASES = []
RUN = "%x" % time.time_ns() # so that a server may be played on again


class Case:
    def __init__(self, name, steps, aged=False):
        self.name, self.steps, self.aged = name, steps, aged
        self.namespace = "c-" + hashlib.sha256((RUN + name).encode()).hexdigest()[:10]


def case(name, *steps, aged=False):
    """aged: needs a server that has forgotten its first revisions, which takes it some ten minutes"""
    CASES.append(Case(name, list(steps), aged))


def step(method, path, body=None, **headers):
    return {"method": method, "path": path, "body": body,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()}}


def GET(path, **headers): return step("GET", path, **headers)
def TABLED(path): return step("GET", path, Accept=TABLE)
def POST(path, body, **headers): return step("POST", path, body, **headers)
def PUT(path, body, **headers): return step("PUT", path, body, **headers)
def DELETE(path, body=None, **headers): return step("DELETE", path, body, **headers)
def PATCH(kind, path, body): return step("PATCH", path, body, Content_Type=PATCH_TYPES[kind])
def MERGE(path, body): return PATCH("merge", path, body)
def JSONP(path, *body): return PATCH("json", path, list(body))
def STRATEGIC(path, body): return PATCH("strategic", path, body)


def APPLY(path, body, manager="one", force=False, **query):
    mark = "&" if "?" in path else "?"
    text = path + mark + "fieldManager=" + manager + ("&force=true" if force else "")
    return PATCH("apply", text + "".join("&%s=%s" % pair for pair in query.items()), body)


def WATCH(path, count, *during, seconds=3, **headers):
    """Events of a watch: `count` of them and any that come right behind; `during` are steps sent once it
    is open, whose answers are not recorded."""
    mark = "&" if "?" in path else "?"
    out = step("GET", path + mark + "watch=1", **headers)
    out["watch"] = {"count": count, "during": during, "seconds": seconds}
    return out


def url(path, namespace):
    if path.startswith("/"):
        return path
    head, mark, query = path.partition("?")
    plural = head.split("/")[0]
    if plural in CLUSTER_PREFIX:
        return "%s/%s%s%s" % (CLUSTER_PREFIX[plural], head, mark, query)
    return "%s/namespaces/%s/%s%s%s" % (PREFIX[plural], namespace, head, mark, query)


def lookup(answers, text):
    index, _, path = text.partition(".")
    value = answers[int(index) - 1]
    for part in path.split("."):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return "none"
    return value


REFERENCE = re.compile(r"\$\{([^}]+)\}")


def filled(value, namespace, answers):
    if isinstance(value, dict):
        return {filled(k, namespace, answers): filled(v, namespace, answers) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, namespace, answers) for v in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    whole = REFERENCE.fullmatch(value)
    if whole:
        return lookup(answers, whole.group(1))
    value = REFERENCE.sub(lambda found: str(lookup(answers, found.group(1))), value)
    return value.replace("$ns", namespace)


def answer_of(status, headers, body):
    kept = masks.headers(headers)
    if isinstance(body, bytes):
        try:
            body = json.loads(body) if body else None
        except ValueError:
            body = body.decode("utf-8", "replace")
    return {"status": status, "headers": kept, "body": body}


def send(server, namespace, one, answers):
    path = url(filled(one["path"], namespace, answers), namespace).replace(" ", "%20")
    body, headers = one["body"], dict(one["headers"])
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
        body = filled(body, namespace, answers)
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if "watch" not in one:
        return answer_of(*server.request(one["method"], path, body, headers))
    watch = one["watch"]

    def during():
        for other in watch["during"]:
            send(server, namespace, other, answers)
    answer = answer_of(*server.watch(path, headers, during, watch["count"], watch["seconds"]))
    if isinstance(answer["body"], list):
        answer["body"] = masks.events(answer["body"])
    return answer


def play(server, one):
    """The answers of one case, as they came."""
    answers, bodies = [], []
    for name in ("namespaces", "serviceaccounts"):
        made = POST(name, {"metadata": {"name": one.namespace if name == "namespaces" else "default"}})
        status = send(server, one.namespace, made, [])["status"]
        if status not in (201, 409):
            raise RuntimeError("%s: the namespace could not be made: %s" % (one.name, status))
    for each in one.steps:
        answer = send(server, one.namespace, each, bodies)
        answers.append(answer)
        bodies.append(answer["body"])
    return answers
