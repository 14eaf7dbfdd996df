local condition = require "lib.condition"
local report = require "druid.report"
local status = require "druid.status"

local function entry(action, state, extra)
  local one = { key = "hot", type = "historical", action = action, notes = {}, state = state,
    group = { name = "druid-demo-hot" }, workload = { spec = { replicas = 2 } } }
  for name, value in pairs(extra or {}) do
    one[name] = value
  end
  return one
end

local function state(ready, total, extra)
  local one = { exists = true, ready = ready, total = total, updated = total, present = total, seen = true,
    settled = ready == total, rolling = false }
  for name, value in pairs(extra or {}) do
    one[name] = value
  end
  return one
end

local function composed(old, entries, now, facts)
  local all = { entries = entries, errors = {}, kept = {}, lists = {}, policy_version = "p" }
  for name, value in pairs(facts or {}) do
    all[name] = value
  end
  return status.compose({ generation = 3 }, old, all, now or 1000)
end

return {
  ["a group has one word for each situation"] = function(t)
    local ready = { phase = "Ready", total = 2 }
    t.equal(status.phase(entry("keep", state(2, 2)), ready), "Ready")
    t.equal(status.phase(entry("keep", state(1, 2)), ready), "NotReady")
    t.equal(status.phase(entry("keep", state(1, 3)), ready), "Scaling")
    t.equal(status.phase(entry("keep", state(1, 3)), { phase = "Scaling", total = 3 }), "Scaling")
    t.equal(status.phase(entry("keep", state(2, 2, { seen = false, settled = false, rolling = true })), ready),
      "Rolling")
    t.equal(status.phase(entry("go", state(2, 2)), ready), "Rolling")
    t.equal(status.phase(entry("keep", state(1, 2)), { phase = "Rolling", total = 2 }), "Rolling")
    t.equal(status.phase(entry("wait", state(2, 2)), ready), "Waiting")
    t.equal(status.phase(entry("create", state(0, 2)), nil), "Creating")
    t.equal(status.phase(entry("go", state(2, 2), { failed = "no" }), ready), "Failed")
  end,
  ["a cluster is not Ready while something of this generation could not be written"] = function(t)
    local good = { entry("keep", state(2, 2)) }
    local first = composed({}, good, 1000, { unwritten = "no answer within 60000 ms" })
    t.equal(first.conditions[1].status, "False")
    t.equal(first.message, "Not all is written yet, it is tried again: no answer within 60000 ms")
    local ready = composed(first, good)
    t.equal(ready.conditions[1].status, "True")
    t.equal(composed(ready, good, 1000, { unwritten = "a lost race" }).conditions[1].status, "True")
    t.equal(composed(ready, good, 1000, { unwritten = "a lost race", policy_version = "q" }).conditions[1].status, "False")
  end,
  ["what no server lets change has a condition of its own while it is asked for"] = function(t)
    local words = "StatefulSet x keeps its volumeClaimTemplates: volumes cannot shrink. Set …"
    local one = entry("keep", state(2, 2), { kept = { words } })
    local told = condition.find(composed({}, { one }).conditions, "FieldsKept")
    t.equal(told.status, "True")
    t.equal(told.reason, "VolumesCannotShrink")
    t.equal(told.message, "hot: " .. words)
    t.equal(condition.find(composed({}, { one }).conditions, "Ready").status, "True")
    t.equal(condition.find(composed({}, { entry("keep", state(2, 2)) }).conditions, "FieldsKept"), nil)
  end,
  ["times move only with what they tell"] = function(t)
    local first = composed({}, { entry("keep", state(2, 2)) }, 1000)
    local second = composed(first, { entry("keep", state(2, 2)) }, 5000)
    t.equal(second.groups[1].since, first.groups[1].since)
    second.progressTime = first.progressTime
    t.equal(second, first)
    t.equal(status.put_off(first, second, 5000), 0)
    t.equal(second.progressTime, nil)
  end,
  ["a group that does not get done is Degraded after its deadline"] = function(t)
    local first = composed({}, { entry("go", state(2, 2)) }, 1000)
    local going = entry("keep", state(1, 2, { rolling = true }), { ways_out = "do something",
      stuck = { kind = "DeadlineExceeded", text = "too long" } })
    local later = composed(first, { going }, 5000)
    t.equal(later.conditions[3].status, "True")
    t.equal(later.conditions[3].reason, "ProgressDeadlineExceeded")
    t.equal(later.conditions[3].message, "hot is stuck: too long; do something")
    t.equal(later.conditions[2].status, "True")
  end,
  ["what is left is told from what is done, when a group gets on"] = function(t)
    local rolling = { rolling = true, settled = false }
    local function at(updated) rolling.updated = updated; return entry("keep", state(4, 4, rolling)) end
    local first = composed({}, { at(0) }, 1000)
    t.equal(first.groups[1].eta, nil)
    t.equal(first.groups[1].progress, clock.rfc3339(1000))
    local second = composed(first, { at(1) }, 1060)
    t.equal(second.groups[1].eta, clock.rfc3339(1060 + 180))
    t.equal(composed(second, { at(1) }, 1100).groups[1].eta, clock.rfc3339(1060 + 180))
    t.equal(composed(second, { at(1) }, 1100).groups[1].progress, clock.rfc3339(1060))
    t.equal(composed(second, { at(4) }, 1100).groups[1].eta, nil)
  end,
  ["Ready is not claimed while a removed group is still there"] = function(t)
    local new = composed({}, { entry("keep", state(2, 2)) }, 1000,
      { kept = { { name = "druid-demo-old", waits_for = "hot is not up yet" } } })
    t.equal(new.conditions[1].status, "False")
    t.equal(new.message, "druid-demo-old is removed later: hot is not up yet")
  end,
  ["counts wait for the pause, transitions do not"] = function(t)
    local old = composed({}, { entry("create", state(0, 2)) }, 1000)
    t.equal(status.put_off({}, old, 1000), 0)
    local counts = composed(old, { entry("keep", state(1, 2), { coming_up = true }) }, 1001)
    t.equal(status.put_off(old, counts, 1001), 1000)
    local ready = composed(old, { entry("keep", state(2, 2)) }, 1001)
    t.equal(status.put_off(old, ready, 1001), 0)
  end,
  ["a removed group whose pods cannot go is told like any other, and has its figure"] = function(t)
    local kept = { { name = "druid-demo-cold", list = "statefulSets", waits_for = "no room", blocked = "no room" } }
    local degraded = condition.find(composed({}, {}, 1000, { kept = kept }).conditions, "Degraded")
    t.equal({ degraded.status, degraded.reason, degraded.message }, { "True", "DrainBlocked", "druid-demo-cold: no room" })
    local figures = report.figures({}, kept)
    t.equal({ #figures, figures[1].labels.group, figures[1].labels.cause }, { 1, "druid-demo-cold", "DrainBlocked" })
    t.equal(report.figures({}, { { name = "x", waits_for = "it is emptied" } }), {})
  end,
}
