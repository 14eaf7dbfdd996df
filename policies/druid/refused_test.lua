local refused = require "druid.refused"

local now = 1000000

local function event(ago_s, note)
  return { reason = "FailedCreate", note = note, deprecatedLastTimestamp = clock.rfc3339(now - ago_s), metadata = {} }
end

local function kube(list)
  local asked = {}
  return { read_list = function(query)
    asked[#asked + 1] = query
    return list
  end }, asked
end

local function entry(ready, total)
  return { state = { ready = ready, total = total },
    live = { kind = "StatefulSet", metadata = { uid = "u", namespace = "n" } } }
end

return {
  ["leaves what the server said of the pod"] = function(t)
    t.equal(refused.words('create Pod a-0 in StatefulSet a failed error: pods "a-0" is forbidden: exceeded quota: q'),
      "pods are refused: exceeded quota: q")
    t.equal(refused.words('Create Pod a-0 in StatefulSet a failed error: pods "a-0" is forbidden: exceeded quota: q'),
      "pods are refused: exceeded quota: q")
    t.equal(refused.words('create Pod a-0 in StatefulSet a failed error: Pod "a-0" is invalid: metadata.annotations: x'),
      "pods are refused: metadata.annotations: x")
  end,
  ["takes the newest event, and no old one"] = function(t)
    t.equal(refused.newest({ event(30, "older"), event(5, "newest"), event(20, "old") }, now), "newest")
    t.equal(refused.newest({ event(refused.fresh_s + 1, "history") }, now), nil)
  end,
  ["asks only when pods are missing for a while and nothing else is waited for"] = function(t)
    local door, asked = kube({ event(1, "create Pod a-0 failed: no room") })
    t.equal(refused.of(door, entry(0, 2), 0, now - 5, now), nil)
    t.equal(refused.of(door, entry(0, 2), 1, now - 60, now), nil)
    t.equal(refused.of(door, entry(2, 2), 2, now - 60, now), nil)
    t.equal(#asked, 0)
    t.equal(refused.of(door, entry(1, 2), 1, now - 60, now), "pods are refused: no room")
    t.equal(asked[1].fields, "regarding.uid=u,reason=FailedCreate")
  end,
  ["a Deployment says so itself"] = function(t)
    local door, asked = kube({})
    local one = entry(0, 1)
    one.live = { kind = "Deployment", metadata = {}, status = { conditions = {
      { type = "ReplicaFailure", status = "True", message = 'pods "x" is forbidden: exceeded quota: q' } } } }
    t.equal(refused.of(door, one, 0, now - 60, now), "pods are refused: exceeded quota: q")
    t.equal(#asked, 0)
  end,
}
