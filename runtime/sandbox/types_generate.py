#!/usr/bin/env python3
"""types_generate.py SWAGGER.JSON MODULES RELEASE OUT_DIR: writes types_core.c, _apps.c and _meta.c.

SWAGGER.JSON is api/openapi-spec/swagger.json of a Kubernetes release; MODULES is the folder of the Go
modules api@RELEASE, apimachinery@RELEASE and apiextensions-apiserver@RELEASE, whose struct tags say
which fields a server leaves out when they are zero. Only the types that the sandbox's built-in kinds
reach are kept, in the notation that types.h describes."""
import glob
import json
import re
import sys

ROOTS = """core.v1.Namespace core.v1.Pod core.v1.Service core.v1.ConfigMap core.v1.Secret
core.v1.PersistentVolumeClaim core.v1.PersistentVolume core.v1.ServiceAccount core.v1.Event
core.v1.Endpoints core.v1.Node core.v1.Binding core.v1.ResourceQuota core.v1.LimitRange
apps.v1.StatefulSet apps.v1.Deployment apps.v1.ReplicaSet
apps.v1.ControllerRevision
policy.v1.PodDisruptionBudget policy.v1.Eviction networking.v1.Ingress networking.v1.IngressClass
networking.v1.NetworkPolicy autoscaling.v2.HorizontalPodAutoscaler autoscaling.v1.Scale
coordination.v1.Lease events.v1.Event discovery.v1.EndpointSlice storage.v1.StorageClass
scheduling.v1.PriorityClass rbac.v1.Role rbac.v1.RoleBinding rbac.v1.ClusterRole
rbac.v1.ClusterRoleBinding authorization.v1.SelfSubjectAccessReview
authorization.v1.SelfSubjectRulesReview""".split()
CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"
RENAMED = {"io.k8s.api.events.v1.": "Events", "io.k8s.api.discovery.v1.EndpointPort": "Slice"}
SCALARS = {"string": "s", "boolean": "b", "integer/int32": "i", "integer/int64": "l",
           "number/double": "n", "string/byte": "y", "string/date-time": "t",
           "string/int-or-string": "x", "integer": "l", "object": "r"}


def name_of(definition):
    for prefix, new in RENAMED.items():
        if definition.startswith(prefix):
            return new + definition.split(".")[-1]
    return definition.split(".")[-1]


def plain(definition, definitions):
    """The letter of a definition without properties, or None."""
    short = definition.split(".")[-1]
    if short == "Quantity":
        return "q"
    if short == "MicroTime":
        return "m"
    if "properties" in definitions[definition]:
        return None
    schema = definitions[definition]
    key = schema.get("type", "object") + ("/" + schema["format"] if "format" in schema else "")
    return SCALARS[key]


def type_of(schema, definitions):
    if "$ref" in schema:
        target = schema["$ref"].split("/")[-1]
        return plain(target, definitions) or name_of(target)
    if schema.get("type") == "array":
        return "[" + type_of(schema["items"], definitions) + "]"
    if "additionalProperties" in schema:
        return "{" + type_of(schema["additionalProperties"], definitions) + "}"
    key = schema.get("type", "object") + ("/" + schema["format"] if "format" in schema else "")
    return SCALARS[key]


def read_tags(modules, release):
    """{(package, struct): {json name: (go type, options)}} and {...: [embedded struct]}."""
    tags, embedded = {}, {}
    sources = {"io.k8s.api.%s." % ".".join(path.split("/")[-3:-1]): [path]
               for path in glob.glob("%s/api@%s/*/*/types.go" % (modules, release))}
    meta = "%s/apimachinery@%s/pkg/apis/meta/v1/types.go" % (modules, release)
    sources["io.k8s.apimachinery.pkg.apis.meta.v1."] = [meta]
    base = "%s/apiextensions-apiserver@%s/pkg/apis/apiextensions/v1/" % (modules, release)
    sources["io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."] = [
        base + "types.go", base + "types_jsonschema.go"]
    for package, paths in sources.items():
        struct = None
        for line in "".join(open(path, encoding="utf-8").read() for path in paths).split("\n"):
            start = re.match(r"type (\w+) struct {", line)
            field = re.match(r"\t(\w+\s+)?([^\s`]+)\s+`(?:.* )?json:\"([^\"]*)\"", line)
            number = re.search(r'protobuf:"\w+,(\d+),', line)
            number = number.group(1) if number else ""
            if start:
                struct = package + start.group(1)
                tags[struct], embedded[struct] = {}, []
            elif line == "}":
                struct = None
            elif struct and field:
                name, _, options = field.group(3).partition(",")
                if name:
                    tags[struct][name] = (field.group(2), options, number)
                elif "inline" in options:
                    embedded[struct].append((package + field.group(2), number))
    return tags, embedded


def tag_of(struct, name, tags, embedded):
    if name in tags.get(struct, {}):
        return tags[struct][name]
    for inner, number in embedded.get(struct, []):
        found = tag_of(inner, name, tags, embedded)
        if found:
            return found[:2] + (number + "." + found[2],)
    return None


def zero_mark(reference, tag):
    """~ left out when zero, + always there, nothing: there when it was given."""
    if not tag or tag[0].startswith("*"):
        return ""
    is_struct = reference[0].isupper()
    if reference[0] == "r":
        return ""
    if is_struct or reference[0] in "tm":
        return "" if "omitzero" in tag[1] else "+"
    return "~" if "omitempty" in tag[1] else "+"


def field_of(name, schema, required, definitions):
    text = name + ":" + type_of(schema, definitions)
    keys = schema.get("x-kubernetes-list-map-keys")
    strategy = schema.get("x-kubernetes-patch-strategy", "").split(",")
    merge = schema.get("x-kubernetes-patch-merge-key", "") if "merge" in strategy else None
    if keys and merge == keys[0]:
        text += "#" + ",".join(keys)
    else:
        text += "@" + ",".join(keys) if keys else ""
        text += "^" + merge if merge is not None else ""
    text += "=" if schema.get("x-kubernetes-list-type") == "set" else ""
    text += "*" if "retainKeys" in strategy else ""
    text += "%" if schema.get("x-kubernetes-map-type") == "atomic" else ""
    return text + ("!" if required else "")


def reach(definitions):
    queue = ["io.k8s.api." + root for root in ROOTS] + [CRD]
    seen = set(queue)
    while queue:
        for schema in definitions[queue.pop()].get("properties", {}).values():
            for part in (schema, schema.get("items", {}), schema.get("additionalProperties", {})):
                while isinstance(part, dict) and "items" in part:
                    part = part["items"]
                target = part.get("$ref", "").split("/")[-1] if isinstance(part, dict) else ""
                if target and target not in seen:
                    seen.add(target)
                    queue.append(target)
    return sorted(seen)


def write(path, symbol, lines):
    with open(path, "w", encoding="utf-8") as out:
        out.write("/* Generated by types_generate.py; do not edit. */\n"
                  '#include "sandbox/types.h"\n\n'
                  "const char %s[] =\n" % symbol)
        out.write("\n".join('    "%s"' % line for line in lines) + ";\n")


def wrap(text):
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 1 > 86:
            lines.append(line + " ")
            line = word
        else:
            line = line + " " + word if line else word
    return lines + [line + "\\n"]


def main():
    with open(sys.argv[1], encoding="utf-8") as source:
        definitions = json.load(source)["definitions"]
    tags, embedded = read_tags(sys.argv[2], sys.argv[3])
    parts = {"core": [], "apps": [], "meta": []}
    for definition in reach(definitions):
        schema = definitions[definition]
        if "properties" not in schema:
            continue
        required = schema.get("required", [])
        atomic = "%" if schema.get("x-kubernetes-map-type") == "atomic" else ""
        fields = []
        for name, field in sorted(schema["properties"].items()):
            tag = tag_of(definition, name, tags, embedded)
            mark = zero_mark(type_of(field, definitions), tag)
            mark += "/" + tag[2] if tag and tag[2] else ""
            fields.append(field_of(name, field, name in required, definitions) + mark)
        text = name_of(definition) + atomic + " " + " ".join(fields)
        part = "meta"
        if definition.startswith("io.k8s.api."):
            part = "core" if ".core.v1." in definition else "apps"
        parts[part] += wrap(text)
    for part, lines in parts.items():
        write(sys.argv[4] + "/types_" + part + ".c", "types_" + part + "_text", lines)


main()
