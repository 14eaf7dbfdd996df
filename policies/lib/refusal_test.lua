local refusal = require "lib.refusal"

local rows = {
  { 'StatefulSet.apps "druid-a-b" is invalid: spec.template.spec.containers[0].image: Required value',
    "spec.template.spec.containers[0].image: Required value" },
  { 'Service "s" is invalid: spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535',
    "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535" },
  { 'ConfigMap "c" is invalid: metadata.annotations: Invalid value: "a b": name part must consist of letters',
    "metadata.annotations: name part must consist of letters" },
  { 'statefulsets.apps "x" is forbidden: User "system:serviceaccount:n:nemeton" cannot patch resource '
    .. '"statefulsets" in API group "apps" in the namespace "default"',
    'no right to patch statefulsets (user system:serviceaccount:n:nemeton) in the namespace "default"' },
  { 'pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3',
    "exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3" },
  { 'admission webhook "check.example.com" denied the request: no latest tags',
    "webhook check.example.com: no latest tags" },
  { "nobody answers", "nobody answers" },
  { 'Thing "x" is invalid: ', 'Thing "x" is invalid: ' },
}

return {
  ["leaves what a reader of the object does not know"] = function(t)
    for _, row in ipairs(rows) do
      t.equal(refusal.words(row[1]), row[2])
    end
  end,
}
