local pods = require "druid.pods"

local function pod(status)
  return { metadata = { name = "p" }, status = status }
end

return {
  ["a container that cannot start is named with its reason"] = function(t)
    t.equal(pods.trouble(pod({ containerStatuses = { { state = { waiting = { reason = "ImagePullBackOff" } } } } }), 0),
      "p: ImagePullBackOff")
    t.equal(pods.trouble(pod({ initContainerStatuses = { { state = { waiting = { reason = "CrashLoopBackOff" } },
      lastState = { terminated = { reason = "OOMKilled", exitCode = 137 } } } } }), 0),
      "p: CrashLoopBackOff (OOMKilled, exit code 137)")
  end,
  ["a pod that is only starting is in no trouble"] = function(t)
    t.equal(pods.trouble(pod({ phase = "Pending",
      containerStatuses = { { state = { waiting = { reason = "ContainerCreating" } } } } }), 0), nil)
    t.equal(pods.trouble(pod(nil), 0), nil)
  end,
  ["a pod gets a moment to be scheduled"] = function(t)
    local waiting = pod({ conditions = { { type = "PodScheduled", status = "False", reason = "Unschedulable",
      message = "no nodes", lastTransitionTime = clock.rfc3339(1000) } } })
    t.equal(pods.trouble(waiting, 1010), nil)
    t.equal(pods.trouble(waiting, 1000 + pods.unschedulable_after_s), "p: cannot be scheduled: no nodes")
  end,
  ["a pod that is being deleted is in no trouble"] = function(t)
    local going = pod({ phase = "Failed", reason = "Evicted" })
    t.equal(pods.trouble(going, 0), "p: Evicted")
    going.metadata.deletionTimestamp = "now"
    t.equal(pods.trouble(going, 0), nil)
  end,
  ["a pod that was never Ready is told from one that is not Ready any more"] = function(t)
    local function never(status)
      status.phase = "Running"
      return pods.row({ metadata = { name = "a-0", uid = "u" }, status = status }).never_ready
    end
    local function ready(value, at) return { { type = "Ready", status = value, lastTransitionTime = at } } end
    t.equal(never({}), true)
    t.equal(never({ startTime = "2026-01-01T00:00:00Z", conditions = ready("False", "2026-01-01T00:00:00Z") }), true)
    t.equal(never({ startTime = "2026-01-01T00:00:00Z", conditions = ready("False", "2026-01-01T00:10:00Z") }), nil)
    t.equal(never({ startTime = "2026-01-01T00:00:00Z", conditions = ready("True", "2026-01-01T00:00:10Z") }), nil)
    t.equal(never({ conditions = ready("False", "2026-01-01T00:10:00Z") }), nil)
  end,
}
