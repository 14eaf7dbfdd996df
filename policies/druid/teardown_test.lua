-- The end of a cluster that does not end by itself: whole runs against a small world of tables.

local condition_of = require "lib.condition"
local names = require "druid.names"
local new_world = require("druid.init_world_test").new
local teardown = require "druid.teardown"

-- A cluster that is being deleted for so long, with a claim and a pod that does not end.
local function ending(age_s, extra)
  local spec = { image = "apache/druid:33.0.0", druidTimeout = "0s", ["common.runtime.properties"] = "a=b",
    nodes = { hot = { nodeType = "historical", ["druid.port"] = 8083, replicas = 1, ["runtime.properties"] = "a=b",
      nodeConfigMountPath = "/conf/hot" } } }
  for key, value in pairs(extra or {}) do
    spec[key] = value
  end
  local world = new_world(spec)
  world.primary.metadata.finalizers = { names.finalizer }
  world.primary.metadata.deletionTimestamp = clock.rfc3339(clock.now() - age_s)
  local labels = { app = "druid", druid_cr = "demo", nodeSpecUniqueStr = "druid-demo-hot" }
  for i = 0, 1 do
    local name = "data-druid-demo-hot-" .. i
    world.objects["PersistentVolumeClaim/" .. name] = { kind = "PersistentVolumeClaim",
      metadata = { name = name, labels = labels } }
  end
  world.objects["Pod/lost"] = { kind = "Pod", metadata = { name = "lost", labels = labels, deletionTimestamp = "now" } }
  return world
end

local function in_use(name)
  return { code = "refused", reason = "VolumeInUse", message = name .. " stays: pod `lost` uses it" }
end

local function told(world)
  return table.concat(world.events, "\n")
end

return {
  ["a pod that does not end is waited for until the deadline, which is said with the way out"] = function(t)
    local world = ending(3590)
    local log, outcome = world.run()
    t.equal(outcome, { requeue_ms = 1000 })
    t.ok(log:find("waits for the pods to end: lost (until ", 1, true), log)
    local condition = condition_of.find(world.primary.status.conditions, "Progressing")
    t.ok(condition.message:find("spec.disablePVCDeletionFinalizer: true", 1, true), condition.message)
    t.ok(not log:find("delete Pers", 1, true) and not log:find("release", 1, true), log)
  end,
  ["then what can go goes, what is in use is left and named, and the cluster ends"] = function(t)
    local world = ending(3600)
    world.refused = { ["data-druid-demo-hot-0"] = in_use("data-druid-demo-hot-0") }
    t.equal((world.run()), "delete PersistentVolumeClaim/data-druid-demo-hot-1\nrelease")
    local words = "DruidVolumesLeft: .* volumes are left: data%-druid%-demo%-hot%-0 %(.*pod `lost` uses it%)"
    t.ok(told(world):find(words), told(world))
    t.ok(told(world):find("kubectl -n default delete pvc data-druid-demo-hot-0", 1, true), told(world))
    t.ok(world.objects["Pod/lost"], "nothing is forced")
  end,
  ["a claim that somebody else uses is waited for without a failure, told once, and left at the deadline"] = function(t)
    local world = ending(100, { deletionDeadline = "2m" })
    world.objects["Pod/lost"] = nil
    world.refused = { ["data-druid-demo-hot-1"] = in_use("data-druid-demo-hot-1") }
    local _, outcome, err = world.run()
    t.equal({ outcome.requeue_ms, err == nil }, { teardown.refused_again_ms, true })
    t.equal(select(2, told(world):gsub("DruidFinalizerFailed", "")), 1)
    world.run()
    t.equal(told(world), "")
    world.primary.metadata.deletionTimestamp = clock.rfc3339(clock.now() - 120)
    t.ok((world.run()):find("release", 1, true))
    t.ok(told(world):find("DruidVolumesLeft", 1, true), told(world))
  end,
  ["an answer that may be another one later ends nothing, however late it is"] = function(t)
    for _, err in ipairs({ { code = "network", message = "lost" }, { code = "refused", reason = "Budget", message = "used up" },
      { code = "refused", reason = "VolumeInUse", message = "cannot read who uses the volume: lost" } }) do
      local world = ending(9999)
      world.refused = { ["data-druid-demo-hot-0"] = err }
      local log, _, failed = world.run()
      t.equal(failed, err)
      t.ok(not log:find("release", 1, true), log)
    end
    local forbidden = ending(9999)
    forbidden.refused = { ["data-druid-demo-hot-0"] = { code = "forbidden", message = "no right" } }
    t.ok((forbidden.run()):find("release", 1, true))
  end,
  ["the deadline counts from the end of the drains that were asked for"] = function(t)
    local object = { metadata = { deletionTimestamp = clock.rfc3339(1000) } }
    local function deadline(strategy, spec)
      return teardown.deadline({ object = object, spec = spec or {}, groups = { { key = "w", type = "middleManager",
        kind = "StatefulSet", node = { middleManagerDrainStrategy = strategy } } } }, 5)
    end
    t.equal(deadline(nil), 4600)
    t.equal(deadline({ whenDeleted = "drain", drainTimeout = "30m" }), 6400)
    t.equal(deadline(nil, { deletionDeadline = "10m" }), 1600)
    t.equal(deadline(nil, { deletionDeadline = "soon" }), 4600, "an invalid object ends, too")
  end,
}
