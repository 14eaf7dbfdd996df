-- Reads why a pod is not ready. Pure.
--
-- From: the pod's status. Only what will not pass by itself counts as trouble; a pod that is merely
-- starting has none, nor has one that could not be scheduled for a moment (volumes are being made).
-- To know more reasons, add to `bad`.

local M = {}

M.bad = {
  CrashLoopBackOff = true, ImagePullBackOff = true, ErrImagePull = true, InvalidImageName = true,
  ErrImageNeverPull = true, CreateContainerConfigError = true, CreateContainerError = true,
  RunContainerError = true,
}

M.unschedulable_after_s = 30
M.start_s = 1   -- a pod that is Ready for less than that is not known to be any

local function container_trouble(status)
  local waiting = status.state and status.state.waiting
  if waiting and M.bad[waiting.reason or ""] then
    local ended = status.lastState and status.lastState.terminated
    if ended then
      return string.format("%s (%s, exit code %s)", waiting.reason, tostring(ended.reason),
        tostring(ended.exitCode))
    end
    return waiting.reason
  end
  return nil
end

-- "druid-demo-brokers-0: CrashLoopBackOff (Error, exit code 1)", or nil.
function M.trouble(pod, now)
  local status = pod.status or {}
  if pod.metadata.deletionTimestamp then
    return nil
  end
  if status.phase == "Failed" then
    return pod.metadata.name .. ": " .. (status.reason or "Failed")
  end
  for _, list in ipairs({ "initContainerStatuses", "containerStatuses" }) do
    for _, container in ipairs(status[list] or {}) do
      local why = container_trouble(container)
      if why then
        return pod.metadata.name .. ": " .. why
      end
    end
  end
  for _, condition in ipairs(status.conditions or {}) do
    if condition.type == "PodScheduled" and condition.status == "False"
      and condition.reason == "Unschedulable" then
      local since = clock.parse(condition.lastTransitionTime or "") or 0
      if now - since >= M.unschedulable_after_s then
        return pod.metadata.name .. ": cannot be scheduled: " .. (condition.message or "")
      end
    end
  end
  return nil
end

-- A pod of a StatefulSet as the decisions about its replacement want it: a plain row.
function M.row(pod)
  local status, labels = pod.status or {}, pod.metadata.labels or {}
  local row = {
    name = pod.metadata.name, uid = pod.metadata.uid, ip = status.podIP,
    ordinal = math.tointeger(tonumber(pod.metadata.name:match("%-(%d+)$") or "")) or 0,
    revision = labels["controller-revision-hash"],
    deleting = pod.metadata.deletionTimestamp ~= nil,
    ready = false, restarts = 0,
  }
  for _, condition in ipairs(status.conditions or {}) do
    if condition.type == "Ready" then
      row.ready = condition.status == "True" and status.phase == "Running"
      row.since = clock.parse(condition.lastTransitionTime or "")
    end
  end
  -- Not Ready since it was started: nothing ever asked it anything.
  local started = clock.parse(status.startTime or "")
  row.never_ready = not row.ready and (row.since == nil or started ~= nil and row.since - started <= M.start_s) or nil
  for _, container in ipairs(status.containerStatuses or {}) do
    row.restarts = math.max(row.restarts, container.restartCount or 0)
  end
  return row
end

return M
