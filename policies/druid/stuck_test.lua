local stuck = require "druid.stuck"

local at = "2026-01-01T00:00:00Z"

local function pod(status, name)
  status.conditions = status.conditions or { { type = "Ready", status = "False", lastTransitionTime = at } }
  return { metadata = { name = name or "b-0" }, status = status }
end

local function waiting(reason, message, last)
  return pod({ phase = "Pending", containerStatuses = { { restartCount = 4, state = { waiting = { reason = reason,
    message = message } }, lastState = last and { terminated = last } or nil } } })
end

local function starting(restarts, exit_code)
  return pod({ phase = "Running", containerStatuses = { { restartCount = restarts, started = false, state = { running = {} },
    lastState = { terminated = { reason = "Error", exitCode = exit_code } } } } })
end

local function unscheduled(message)
  return pod({ phase = "Pending", conditions = { { type = "PodScheduled", status = "False", reason = "Unschedulable",
    message = message, lastTransitionTime = at } } })
end

-- situation, pod, kind, seconds after which it is told, a part of the words
local rows = {
  { "an image that is not there", waiting("ImagePullBackOff", "manifest unknown"), "ImagePull", 60, "manifest unknown" },
  { "a Secret that is missing", waiting("CreateContainerConfigError", 'secret "s" not found'), "ContainerConfig", 60,
    'secret "s"' },
  { "a crash loop", waiting("CrashLoopBackOff", nil, { reason = "Error", exitCode = 1 }), "CrashLoop", 300,
    "exit code 1, 4 restarts" },
  { "a crash loop with its last words", waiting("CrashLoopBackOff", nil, { reason = "Error", exitCode = 1,
    message = "x\nProvisionException: druid.port is wrong" }), "ConfigurationRejected", 60, "druid.port is wrong" },
  { "too little memory", waiting("CrashLoopBackOff", nil, { reason = "OOMKilled", exitCode = 137 }), "OutOfMemory", 120,
    "OOMKilled" },
  { "a startup probe that has no patience", starting(2, 143), "StartupProbe", 60, "ended it 2 times" },
  { "a start that failed by itself and is tried again", starting(2, 1), "NotReady", 1800, "readiness probe fails" },
  { "a start that was ended once", starting(1, 143), "NotReady", 1800, "readiness probe fails" },
  { "no node for it", unscheduled("0/3 nodes are available: 3 Insufficient memory."), "Unschedulable", 300,
    "Insufficient memory" },
  { "no volume for it", unscheduled("pod has unbound immediate PersistentVolumeClaims"), "VolumeNotBound", 300, "unbound" },
  { "a probe that fails", pod({ phase = "Running" }), "NotReady", 1800, "readiness probe fails" },
}

local cases = {
  ["a pod that starts is not stuck"] = function(t)
    local start = clock.parse(at)
    t.equal(stuck.diagnose({ since = start }, { waiting("ContainerCreating") }, 1800, start + 100), nil)
    t.equal(stuck.diagnose({ since = start }, { pod({ phase = "Running" }) }, 1800, start + 100), nil)
  end,
  ["what has no cause is told at the deadline, with what it waits for"] = function(t)
    local found, left = stuck.diagnose({ since = 1000, waits_for = "x" }, {}, 1800, 1100)
    t.equal(found, nil)
    t.equal(left, 1700)
    found = stuck.diagnose({ since = 1000, waits_for = "the Coordinators have no leader" }, {}, 1800, 2800)
    t.equal(found.text, "it has been changing for 30 min, waiting: the Coordinators have no leader")
  end,
  ["loading segments may take longer"] = function(t)
    t.equal(stuck.diagnose({ since = 1000, loading = true }, {}, 1800, 1000 + 4 * 1800 - 1), nil)
    t.ok(stuck.diagnose({ since = 1000, loading = true }, {}, 1800, 1000 + 4 * 1800))
  end,
  ["a cause counts from the beginning of the change, not from an older trouble"] = function(t)
    local start = clock.parse(at)
    t.equal(stuck.diagnose({ since = start + 5000 }, { waiting("ErrImagePull") }, 1800, start + 5030), nil)
    t.ok(stuck.diagnose({ since = start + 5000 }, { waiting("ErrImagePull") }, 1800, start + 5060))
  end,
  ["the deadline is the group's, the cluster's, or the usual one"] = function(t)
    t.equal(stuck.deadline({ spec = {} }, { node = {} }), 1800)
    t.equal(stuck.deadline({ spec = { progressDeadline = "1h" } }, { node = {} }), 3600)
    t.equal(stuck.deadline({ spec = { progressDeadline = "1h" } }, { node = { progressDeadline = "2h" } }), 7200)
  end,
  ["the way back is told where there is one"] = function(t)
    local cluster = { namespace = "ns", name = "demo" }
    local words = stuck.ways_out(cluster, { remedy = "do" }, true)
    t.ok(words:find("kubectl -n ns annotate druid demo nemeton.dev/rollout=abort", 1, true))
    t.ok(not stuck.ways_out(cluster, { remedy = "do" }, false):find("annotate"))
  end,
}
for _, row in ipairs(rows) do
  cases[row[1]] = function(t)
    local start = clock.parse(at)
    t.equal(stuck.diagnose({ since = start }, { row[2] }, 1800, start + row[4] - 1), nil)
    local found = stuck.diagnose({ since = start }, { row[2] }, 1800, start + row[4])
    t.equal(found and found.kind, row[3])
    t.ok(found.text:find(row[5], 1, true), found.text)
    t.ok(found.remedy ~= "")
  end
end
return cases
