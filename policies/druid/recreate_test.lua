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
    live = { kind = "StatefulSet", metadata = { name = "druid-a-hot", namespace = "n", uid = "u2",
      annotations = { [names.template_hash] = "g" } },
      spec = { replicas = 2, template = { metadata = { labels = { app = "druid", tier = "a" } }, spec = json.object({}) } } },
  }
  if change then
    change(one)
  end
  return one
end

local function decide(spec, kept, change)
  return recreate.decide({ name = "a", uid = "u1", spec = spec }, entry(change), kept)
end

local selector = { { field = "selector", wanted = { app = "druid" }, have = { matchLabels = { app = "druid", tier = "a" } } } }

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
      function(one) one.live.metadata.annotations = {} end,
    }) do
      local decision = decide({}, management, change)
      t.ok(not decision.now)
      t.ok(not decision.blocked)
    end
  end,
  ["a set that waits for one pod before it makes the next is made anew for Parallel, which is what frees it"] = function(t)
    local function now(kept, change)
      return decide({}, kept, function(one)
        one.state = { settled = false, held = false, seen = true, total = 3, present = 1, ready = 0 }
        if change then change(one) end
      end).now == true
    end
    t.equal(now(management), true)
    t.equal(now({ { field = "podManagementPolicy", wanted = "OrderedReady", have = "Parallel" } }), false)
    t.equal(now({ management[1], { field = "serviceName", wanted = "a", have = "b" } }), false)
    t.equal(now({ { field = "serviceName", wanted = "a", have = "b" } }), false)
    for name, change in pairs({ held = function(one) one.state.held = true end, unseen = function(one) one.state.seen = false end,
      another_template = function(one) one.changed = true end, all_there = function(one) one.state.present = 3 end,
      just_coming = function(one) one.state.ready = 1 end, ending = function(one) one.live.metadata.deletionTimestamp = "x" end,
    }) do
      t.equal(now(management, change), false, name)
    end
  end,
  ["a set whose pods a new one might restart or lose is left to a person, with the command"] = function(t)
    local cases = {
      { {}, function(one) one.live.spec.selector = { matchExpressions = { {} } } end },
      { {}, function(one) one.live.metadata.annotations[names.former] = "template" end },
      { {}, function(one) one.live.spec.template.spec = { x = ("x"):rep(300000) } end },
      { { recreateOnImmutableChange = false } },
    }
    for _, case in ipairs(cases) do
      local decision = decide(case[1], management, case[2])
      t.ok(not decision.now)
      t.ok(decision.notes[1]:find("kubectl -n n delete statefulset druid-a-hot --cascade=orphan", 1, true),
        decision.notes[1])
    end
  end,
  ["a label of the selector makes a Deployment anew as well, and what the former operator wrote"] = function(t)
    t.ok(decide({}, selector, function(one) one.live.kind = "Deployment" end).now)
    t.ok(decide({}, selector, function(one) one.live.metadata.annotations[names.former] = "template" end).now)
  end,
  ["the count of pods may be kept in the workload alone"] = function(t)
    t.ok(decide({}, management, function(one) one.workload.spec.replicas = nil end).now)
  end,
  ["the new workload has the template of the old one, a selector that its pods carry, and no fewer pods"] = function(t)
    local function succeed(replicas, count, text)
      local workload = { kind = "StatefulSet", metadata = { annotations = { mine = "1" } }, spec = { replicas = replicas,
        selector = { matchLabels = { app = "druid", tier = "b" } }, template = { metadata = { labels = { tier = "b" } } } } }
      local live = entry().live
      live.metadata.annotations[names.template_hash] = "h"
      local done = recreate.succeed(workload, text or recreate.noted(live), function() return count end)
      return workload, done
    end
    local made, done = succeed(1, 9)
    t.ok(done)
    t.equal(made.spec.template.metadata.labels, { app = "druid", tier = "a" })
    t.equal(made.spec.selector.matchLabels, { app = "druid" })
    t.equal(made.metadata.annotations, { mine = "1", [names.template_hash] = "h" })
    t.equal(made.spec.replicas, 2, "a group that got smaller meanwhile")
    t.equal(succeed(3, 9).spec.replicas, 3)
    t.equal(succeed(nil, 0).spec.replicas, 2)
    t.equal(succeed(nil, 4).spec.replicas, 4, "an autoscaler was faster")
    for _, text in ipairs({ "", "{", "{}", "[]", [[{"kind":"Deployment","template":{}}]] }) do
      local _, none = succeed(1, 0, text)
      t.ok(not none, text)
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
  ["a template that is to shrink, and a set that cannot be made anew, keep no other volume from growing"] = function(t)
    local kept = claims({ template("data", "20Gi"), template("logs", "5Gi") },
      { template("data", "10Gi"), template("logs", "10Gi") })
    local decision = decide({ scalePvcSts = true }, kept)
    t.ok(decision.blocked)
    t.equal(decision.grow, { data = "20Gi" })
    t.equal(decide({}, kept).grow, {})
    t.equal(decide({ scalePvcSts = true, recreateOnImmutableChange = false }, kept).grow, { data = "20Gi" })
  end,
  ["claims grow in a group that is not ready, in any run, and what one is refused stops no other group"] = function(t)
    local function claim(name, set, size, gone)
      return { metadata = { name = name .. "-" .. set .. "-0", labels = { druid_cr = "a", nodeSpecUniqueStr = set },
        deletionTimestamp = gone }, spec = { resources = { requests = { storage = size } } } }
    end
    local one, two = entry(), entry(function(other)
      other.group, other.live.metadata.name = { name = "druid-a-cold" }, "druid-a-cold"
    end)
    one.recreate = { now = true, grow = { data = "20Gi", logs = "20Gi" }, fields = "f" }
    two.recreate = { now = true, grow = { data = "20Gi" }, fields = "f" }
    local all = { claim("data", "druid-a-hot", "10Gi"), claim("data", "druid-a-hot", "11Gi"),
      claim("logs", "druid-a-hot", "10Gi"), claim("logs", "druid-a-hot", "1Gi", "now"), claim("data", "druid-a-cold", "10Gi") }
    local log
    local ctx = { delete = function(target)
      log[#log + 1] = target.name .. " deleted"
      return true
    end, patch = function(target, patch)
      if not patch.spec then return true end
      log[#log + 1] = target.metadata.name
      if target.metadata.name == "data-druid-a-hot-0" then
        return nil, { code = "forbidden", message = "the class does not allow it" }
      end
      return true
    end }
    local function run(done)
      log, one.notes, one.refusals = {}, {}, nil
      recreate.run(ctx, { name = "a", uid = "u1", spec = {} }, { groups = { one, two } }, done, function() return all end)
      return done
    end
    local done = run({ created = {}, updated = {}, replaced = {}, deleted = {} })
    t.equal(log, { "data-druid-a-hot-0", "logs-druid-a-hot-0", "data-druid-a-cold-0", "druid-a-cold deleted" })
    t.equal(done.failure, nil)
    t.equal(one.refusals, { "PersistentVolumeClaim data-druid-a-hot-0 does not grow: the class does not allow it" })
    one.recreate.now, two.recreate.now = false, false
    run({ created = { {} }, updated = {}, replaced = {}, deleted = {}, failure = { message = "another group" } })
    t.equal(log, { "data-druid-a-hot-0", "logs-druid-a-hot-0", "data-druid-a-cold-0" })
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
    end, patch = function(target, patch)
      local note = patch.metadata.annotations[recreate.note]
      log[#log + 1] = target.name .. (note == json.null and " forgotten" or " noted")
      return true
    end }
    local function none()
      return {}
    end
    local done = { created = {}, updated = {}, replaced = {}, deleted = {} }
    recreate.run(ctx, { name = "a" }, steps(), done, none)
    t.equal(log, { "druid-a-hot-config noted", "druid-a-hot Orphan" })
    t.equal(#done.deleted, 1)
    recreate.run(ctx, { name = "a" }, steps(), { created = {}, updated = { {} }, replaced = {}, deleted = {} }, none)
    t.equal(#log, 2)
    local shrinking = steps()
    shrinking.groups[1].leave = { from = 2, to = 1 }
    log = {}
    recreate.run(ctx, { name = "a" }, shrinking, { created = {}, updated = {}, replaced = {}, deleted = {} }, none)
    t.equal(log[2], "druid-a-cold Orphan")
    local after = { groups = { entry() } }
    after.groups[1].made_anew, log = recreate.noted(entry().live), {}
    recreate.run(ctx, { name = "a" }, after, { created = {}, updated = {}, replaced = {}, deleted = {} }, none)
    t.equal(log, { "druid-a-hot-config forgotten" })
  end,
}
