local observed = require "druid.observed"

local function set(spec, status)
  return { kind = "StatefulSet", metadata = { name = "s", generation = 2 }, spec = spec, status = status }
end

return {
  ["a complete set is settled"] = function(t)
    local state = observed.state(set({ replicas = 2 }, { observedGeneration = 2, replicas = 2,
      readyReplicas = 2, updatedReplicas = 2, currentRevision = "a", updateRevision = "a" }), "s")
    t.ok(state.settled and not state.rolling)
  end,
  ["a status older than the spec does not count"] = function(t)
    local state = observed.state(set({ replicas = 2 }, { observedGeneration = 1, replicas = 2,
      readyReplicas = 2, updatedReplicas = 2, currentRevision = "a", updateRevision = "a" }), "s")
    t.ok(state.rolling and not state.settled)
  end,
  ["a set with two revisions is rolling"] = function(t)
    local state = observed.state(set({ replicas = 2 }, { observedGeneration = 2, replicas = 2,
      readyReplicas = 2, updatedReplicas = 1, currentRevision = "a", updateRevision = "b" }), "s")
    t.ok(state.rolling and not state.settled)
    t.equal(state.updated, 1)
  end,
  ["two revisions with all pods updated and ready are complete"] = function(t)
    local state = observed.state(set({ replicas = 2 }, { observedGeneration = 2, replicas = 2,
      readyReplicas = 2, updatedReplicas = 2, currentRevision = "a", updateRevision = "b" }), "s")
    t.ok(state.settled)
  end,
  ["a lost pod makes a set not ready but not rolling"] = function(t)
    local state = observed.state(set({ replicas = 2 }, { observedGeneration = 2, replicas = 2,
      readyReplicas = 1, updatedReplicas = 2, currentRevision = "a", updateRevision = "a" }), "s")
    t.ok(not state.rolling and not state.settled)
  end,
  ["sets rolled by hand or in part are settled once seen"] = function(t)
    local status = { observedGeneration = 2, replicas = 2, readyReplicas = 2, updatedReplicas = 0,
      currentRevision = "a", updateRevision = "b" }
    t.ok(observed.state(set({ replicas = 2, updateStrategy = { type = "OnDelete" } }, status), "s").settled)
    t.ok(observed.state(set({ replicas = 2, updateStrategy = { type = "RollingUpdate",
      rollingUpdate = { partition = 1 } } }, status), "s").settled)
  end,
  ["a set just created has no status and is not settled"] = function(t)
    t.ok(not observed.state(set({ replicas = 1 }, nil), "s").settled)
  end,
  ["a set parked at zero is settled"] = function(t)
    t.ok(observed.state(set({ replicas = 0 }, { observedGeneration = 2, replicas = 0,
      currentRevision = "a", updateRevision = "a" }), "s").settled)
  end,
  ["a Deployment with pods of an old template is rolling"] = function(t)
    local live = { kind = "Deployment", metadata = { generation = 1 }, spec = { replicas = 2 },
      status = { observedGeneration = 1, replicas = 3, updatedReplicas = 1, readyReplicas = 2,
        availableReplicas = 2 } }
    t.ok(observed.state(live, "d").rolling)
    live.status = { observedGeneration = 1, replicas = 2, updatedReplicas = 2, readyReplicas = 2,
      availableReplicas = 2 }
    t.ok(observed.state(live, "d").settled)
  end,
}
