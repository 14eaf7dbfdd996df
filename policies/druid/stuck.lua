-- Tells why a group does not get on, and what to do about it. Pure.
--
-- Stuck is a diagnosis, not a time-out: of the pods' own words. Some causes do not pass by themselves and are
-- told after a short while (an image that is not there); others may (a volume that is being made, a process
-- that waits for another) and are told later; what has no cause that can be seen is told at the deadline.
-- To know more causes, add a function to `causes`: it gets a container's status and what it wrote last (druid.last_words),
-- or nil, and gives { kind =, words =, remedy =, after_s = }.

local durations = require "lib.duration"
local tables = require "lib.tables"

local M = {}

M.deadline_s = 1800

local function said(waiting)
  return waiting.reason .. (waiting.message and ": " .. waiting.message or "")
end

local function image(container)
  local waiting = tables.dig(container, "state", "waiting") or {}
  if waiting.reason == "ImagePullBackOff" or waiting.reason == "ErrImagePull" or waiting.reason == "InvalidImageName"
    or waiting.reason == "ErrImageNeverPull" then
    return { kind = "ImagePull", after_s = 60, words = said(waiting),
      remedy = "correct the image, or give imagePullSecrets that may pull it" }
  end
  return nil
end

local function reference(container)
  local waiting = tables.dig(container, "state", "waiting") or {}
  if waiting.reason == "CreateContainerConfigError" or waiting.reason == "CreateContainerError"
    or waiting.reason == "RunContainerError" then
    return { kind = "ContainerConfig", after_s = 60, words = said(waiting),
      remedy = "give what it names: a Secret, a ConfigMap or a key of one, or a command that exists" }
  end
  return nil
end

-- Words by which Druid says that it cannot work with its configuration, at the end of its log.
M.rejected = { "ProvisionException", "ConfigurationException", "IllegalArgumentException", "Unrecognized VM option",
  "Could not create the Java Virtual Machine", "Error injecting", "InvalidPathException", "UnsupportedClassVersionError" }

local function crash(container, words_of)
  local waiting, ended = tables.dig(container, "state", "waiting") or {}, tables.dig(container, "lastState", "terminated")
  if waiting.reason ~= "CrashLoopBackOff" or not ended then
    return nil
  end
  local last = ended.message and ended.message ~= "" and ": " .. ended.message:gsub("%s+", " "):sub(-300)
    or words_of and ": " .. words_of or ""
  local words = string.format("CrashLoopBackOff (%s, exit code %s, %d restarts)%s", tostring(ended.reason),
    tostring(ended.exitCode), container.restartCount or 0, last)
  if ended.reason == "OOMKilled" then
    return { kind = "OutOfMemory", after_s = 120, words = words, remedy = "raise resources.limits.memory or lower the heap" }
  end
  for _, word in ipairs(M.rejected) do
    if last:find(word, 1, true) then
      return { kind = "ConfigurationRejected", after_s = 60, words = words,
        remedy = "correct the properties or JVM options that it names" }
    end
  end
  return { kind = "CrashLoop", after_s = 300, words = words, remedy = "look at kubectl logs --previous of this pod" }
end

M.slow_restarts = 2   -- one may be an accident

-- Ended by SIGTERM (or SIGKILL after it) before it was up, again and again: nobody but its probes does that.
local function slow(container)
  local ended = tables.dig(container, "lastState", "terminated")
  if container.started ~= false or not tables.dig(container, "state", "running") or not ended
    or (container.restartCount or 0) < M.slow_restarts or (ended.exitCode ~= 143 and ended.exitCode ~= 137)
    or ended.reason == "OOMKilled" then
    return nil
  end
  return { kind = "StartupProbe", after_s = 60, words = string.format("its startup probe ended it %d times before it was up",
    container.restartCount), remedy = "give it longer: failureThreshold or periodSeconds of startUpProbe, or more CPU" }
end

M.causes = { image, reference, crash, slow }

local function condition(pod, kind)
  for _, one in ipairs(tables.dig(pod, "status", "conditions") or {}) do
    if one.type == kind then
      return one
    end
  end
  return nil
end

local function unscheduled(pod)
  local scheduled = condition(pod, "PodScheduled")
  if not scheduled or scheduled.status ~= "False" then
    return nil
  end
  local message = scheduled.message or ""
  if message:find("PersistentVolumeClaim", 1, true) or message:find("volume", 1, true) or message:find("claim", 1, true) then
    return { kind = "VolumeNotBound", after_s = 300, words = "cannot be scheduled: " .. message, since = scheduled,
      remedy = "see kubectl describe of its claims: a storage class, a provisioner or room is missing" }
  end
  return { kind = "Unschedulable", after_s = 300, words = "cannot be scheduled: " .. message, since = scheduled,
    remedy = "make room: nodes, requests, affinity or tolerations" }
end

local function unready(pod)
  local ready = condition(pod, "Ready")
  if tables.dig(pod, "status", "phase") ~= "Running" or not ready or ready.status == "True" then
    return nil
  end
  return { kind = "NotReady", words = "runs, but its readiness probe fails", since = ready,
    remedy = "look at kubectl logs and kubectl describe of this pod" }
end

-- Why one pod is not ready; last_words: of its container, or nil. Gives
-- { pod =, kind =, words =, remedy =, after_s = or nil, since = seconds or nil }.
function M.of_pod(pod, last_words)
  if pod.metadata.deletionTimestamp then
    return nil
  end
  local found
  for _, list in ipairs({ "initContainerStatuses", "containerStatuses" }) do
    for _, container in ipairs(tables.dig(pod, "status", list) or {}) do
      for _, cause in ipairs(M.causes) do
        found = found or cause(container, last_words)
      end
    end
  end
  found = found or unscheduled(pod) or unready(pod)
  if not found then
    return nil
  end
  local mark = found.since or condition(pod, "Ready") or condition(pod, "ContainersReady") or {}
  found.since = clock.parse(mark.lastTransitionTime or "")
  found.pod = pod.metadata.name
  return found
end

-- The deadline of a group, in seconds: its own, the cluster's, the usual one.
function M.deadline(cluster, group)
  return durations.seconds(tables.text(group.node.progressDeadline, cluster.spec.progressDeadline)) or M.deadline_s
end

-- Is a group stuck? group: { since = when it began to change (seconds) or nil, waits_for =, loading = it waits
-- for segments }, pods: of the group, deadline_s: see above, last_words: by name of the pod, or nil. Gives
-- { kind =, text =, remedy = }, or nil; and in how many seconds to look again, or nil.
function M.diagnose(group, pods, deadline_s, now, last_words)
  local nearest, named
  for _, pod in ipairs(pods) do
    local cause = M.of_pod(pod, last_words and last_words[pod.metadata.name])
    if cause then
      named = named or cause
      local begun = math.max(cause.since or now, group.since or 0)
      local left = begun + (cause.after_s or deadline_s) - now
      if left <= 0 then
        return { kind = cause.kind, text = cause.pod .. ": " .. cause.words, remedy = cause.remedy }
      end
      nearest = math.min(nearest or left, left)
    end
  end
  if not group.since then
    return nil, nearest
  end
  -- Segments take as long as they take: loading is no standstill, unless for very long.
  local left = group.since + deadline_s * (group.loading and 4 or 1) - now
  if left > 0 then
    return nil, math.min(nearest or left, left)
  end
  return { kind = named and named.kind or "DeadlineExceeded",
    text = named and named.pod .. ": " .. named.words or string.format("it has been changing for %s%s",
      durations.text(now - group.since), group.waits_for and ", waiting: " .. group.waits_for or ""),
    remedy = named and named.remedy or "look at its pods and at the Coordinator's console" }
end

-- The ways out, for people.
function M.ways_out(cluster, diagnosis, has_last_good)
  local text = diagnosis.remedy .. "; a corrected spec goes through at once"
  if has_last_good then
    text = text .. string.format("; to go back: kubectl -n %s annotate druid %s nemeton.dev/rollout=abort",
      cluster.namespace, cluster.name)
  end
  return text
end

return M
