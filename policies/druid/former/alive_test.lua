local alive = require "druid.former.alive"

local function object(entries)
  return { kind = "Service", object = { metadata = { name = "s", managedFields = entries } } }
end

local function at(seconds)
  return clock.rfc3339(seconds)
end

local now = 1790000000

return {
  ["a write of a moment ago says that the former operator works, and when to look again"] = function(t)
    local words, again_s = alive.writer({ object({ { manager = "manager", operation = "Update", time = at(now - 20) } }) }, now)
    t.equal(words, "it wrote Service s at " .. at(now - 20))
    t.equal(again_s, 40)
  end,
  ["old writes, and those of others, say nothing"] = function(t)
    t.equal(alive.writer({ object({
      { manager = "manager", operation = "Update", time = at(now - 61) },
      { manager = "kubectl", operation = "Update", time = at(now) },
      { manager = "nemeton", operation = "Apply", time = at(now) },
    }), object(nil) }, now), nil)
  end,
  ["a time that lies ahead counts as now: clocks differ"] = function(t)
    local _, again_s = alive.writer({ object({ { manager = "druid-operator", operation = "Update", time = at(now + 5) } }) }, now)
    t.equal(again_s, 65)
  end,
  ["a Lease that is renewed says that the former operator works; one let go of or run out does not"] = function(t)
    local function lease(name, holder, renewed)
      return { metadata = { name = name, namespace = "old" }, spec = { holderIdentity = holder, leaseDurationSeconds = 15,
        renewTime = at(renewed):gsub("Z", ".123456Z") } }
    end
    t.equal(alive.leader({ lease("e6946145.apache.org", "pod_1", now - 10) }, now),
      "its Lease old/e6946145.apache.org is being renewed")
    t.equal(alive.leader({ lease("e6946145.apache.org", "pod_1", now - 31) }, now), nil)
    t.equal(alive.leader({ lease("e6946145.apache.org", "", now) }, now), nil)
    t.equal(alive.leader({ lease("another", "pod_1", now) }, now), nil)
  end,
  ["who wrote again after it seemed to be gone is waited for twice as long each time, an hour at most"] = function(t)
    alive.forget("u")
    t.equal(alive.patience("u", true), 60)
    t.equal(alive.patience("u", false), 60)
    t.equal(alive.patience("u", true), 120)
    t.equal(alive.patience("u", true), 120)
    for _ = 1, 10 do
      alive.patience("u", false)
      alive.patience("u", true)
    end
    t.equal(alive.patience("u", true), 3600)
    alive.forget("u")
  end,
}
