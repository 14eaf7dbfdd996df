local names = require "druid.names"
local recreate = require "druid.recreate"

local function template(name, size)
  return { metadata = { name = name }, spec = { resources = { requests = { storage = size } } } }
end

local function entry(change)
  local one = {
    key = "hot", group = { name = "druid-a-hot" }, notes = {}, changed = false,
    state = { settled = true, held = false },
    workload = { spec = { replicas = 2 } },
    live = { kind = "StatefulSet", metadata = { name = "druid-a-hot", namespace = "n", uid = "u2", annotations = {} } },
  }
  if change then
    change(one)
  end
  return one
end

local function decide(spec, kept, change, sha_ours)
  return recreate.decide({ name = "a", uid = "u1", spec = spec }, entry(change), kept, { sha_ours = sha_ours ~= false })
end

local management = { { field = "podManagementPolicy", wanted = "Parallel", have = "OrderedReady" } }
local function claims(wanted, have)
  return { { field = "volumeClaimTemplates", wanted = wanted, have = have } }
end

return {
  ["a settled set is made anew for a field that can never change"] = function(t)
    local decision = decide({}, management)
    t.equal(decision.now, true)
    t.equal(decision.notes[1], "StatefulSet druid-a-hot is made anew for its podManagementPolicy; its pods keep running")
  end,
  ["a set that is under way, stepped, going, or due for another template is waited for"] = function(t)
    for _, change in ipairs({
      function(one) one.state.settled = false end, function(one) one.changed = true end,
      function(one) one.state.held = true end, function(one) one.live.metadata.deletionTimestamp = "x" end,
    }) do
      local decision = decide({}, management, change)
      t.ok(not decision.now)
      t.ok(not decision.blocked)
    end
  end,
  ["a set whose pods a new one might restart or lose is left to a person, with the command"] = function(t)
    local cases = {
      { {}, function(one) one.workload.spec.replicas = nil end },
      { {}, function(one) one.live.metadata.annotations[names.former] = "template" end },
      { { recreateOnImmutableChange = false } },
      { {}, nil, false },
    }
    for _, case in ipairs(cases) do
      local decision = decide(case[1], management, case[2], case[3])
      t.ok(not decision.now)
      t.ok(decision.notes[1]:find("kubectl -n n delete statefulset druid-a-hot --cascade=orphan", 1, true),
        decision.notes[1])
    end
  end,
  ["volumes grow each by its own template, when that was asked for"] = function(t)
    local kept = claims({ template("data", "100Gi"), template("logs", "20Gi") },
      { template("data", "100Gi"), template("logs", "10Gi") })
    t.ok(decide({}, kept).blocked)
    t.ok(decide({}, kept).notes[1]:find("scalePvcSts", 1, true))
    local decision = decide({ scalePvcSts = true }, kept)
    t.equal(decision.grow, { logs = "20Gi" })
    local one = entry()
    one.recreate = decision
    local function claim(name, size)
      return { metadata = { name = name, labels = { druid_cr = "a", nodeSpecUniqueStr = "druid-a-hot" } },
        spec = { resources = { requests = { storage = size } } } }
    end
    local small = recreate.small_claims({ name = "a", uid = "u1" }, one, {
      claim("data-druid-a-hot-0", "100Gi"), claim("logs-druid-a-hot-0", "10Gi"), claim("logs-druid-a-hot-1", "20Gi"),
      claim("logs-druid-a-hot2-0", "10Gi") })
    t.equal(#small, 1)
    t.equal(small[1].claim.metadata.name, "logs-druid-a-hot-0")
    t.equal(small[1].size, "20Gi")
  end,
  ["volumes never shrink, and nothing else happens to the set meanwhile"] = function(t)
    local decision = decide({ scalePvcSts = true }, claims({ template("data", "5Gi") }, { template("data", "10Gi") }))
    t.ok(not decision.now)
    t.ok(decision.notes[1]:find("cannot shrink", 1, true))
  end,
  ["a set is deleted without its pods, one at a time, and only when nothing else was done"] = function(t)
    local function steps()
      local one, two = entry(), entry(function(other) other.live.metadata.name = "druid-a-cold" end)
      one.recreate, two.recreate = { now = true, grow = {}, fields = "f" }, { now = true, grow = {}, fields = "f" }
      return { groups = { one, two } }
    end
    local log = {}
    local ctx = { delete = function(target, options)
      log[#log + 1] = target.name .. " " .. options.propagation
      return true
    end }
    local function none()
      return {}
    end
    local done = { created = {}, updated = {}, replaced = {}, deleted = {} }
    recreate.run(ctx, { name = "a" }, steps(), done, none)
    t.equal(log, { "druid-a-hot Orphan" })
    t.equal(#done.deleted, 1)
    recreate.run(ctx, { name = "a" }, steps(), { created = {}, updated = { {} }, replaced = {}, deleted = {} }, none)
    t.equal(#log, 1)
  end,
}
