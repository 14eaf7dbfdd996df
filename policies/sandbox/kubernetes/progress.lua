-- The status of a Deployment: what its ReplicaSets say, and whether it gets on.
local M = {}

local function condition_of(deployment, kind)
  for _, condition in ipairs(deployment.status and deployment.status.conditions or {}) do
    if condition.type == kind then return condition end
  end
  return nil
end

-- As the real one sets it: of equal state and reason nothing changes, not even the words.
local function condition(deployment, kind, state, reason, message)
  local old = condition_of(deployment, kind)
  if old and old.status == state and old.reason == reason then return json.copy(old) end
  local now = clock.rfc3339()
  return { type = kind, status = state, reason = reason, message = message, lastUpdateTime = now,
    lastTransitionTime = old and old.status == state and old.lastTransitionTime or now }
end

function M.is_complete(deployment, status)
  local wanted = deployment.spec.replicas or 1
  return status.updatedReplicas == wanted and status.replicas == wanted and status.availableReplicas == wanted
end

local function has_progressed(old, new)
  local function was(name) return old[name] or 0 end
  return new.updatedReplicas > was("updatedReplicas")
    or new.replicas - new.updatedReplicas < was("replicas") - was("updatedReplicas")
    or new.readyReplicas > was("readyReplicas") or new.availableReplicas > was("availableReplicas")
end

-- Whenever it gets on the condition is written anew, even if it says the same: the deadline counts from there.
local function gets_on(old, name)
  local now = clock.rfc3339()
  return { type = "Progressing", status = "True", reason = "ReplicaSetUpdated", message = name .. " is progressing.",
    lastUpdateTime = now, lastTransitionTime = old and old.status == "True" and old.lastTransitionTime or now }
end

-- The condition Progressing, and the seconds until it may have to change. made: the set is new; paces: this run was
-- one of the rollout.
local function progressing(deployment, new, status, made, paces)
  local old = condition_of(deployment, "Progressing")
  local name = 'ReplicaSet "' .. (new and new.metadata.name or "") .. '"'
  local function set(state, reason, message) return condition(deployment, "Progressing", state, reason, message) end
  local late = old and old.reason == "ProgressDeadlineExceeded"
  if deployment.spec.paused and not late then return set("Unknown", "DeploymentPaused", "Deployment is paused") end
  if not paces then return old and json.copy(old) or nil end
  if old and old.reason == "NewReplicaSetAvailable" and status.replicas == status.updatedReplicas and not made then
    return json.copy(old)
  end
  if M.is_complete(deployment, status) then
    return set("True", "NewReplicaSetAvailable", name .. " has successfully progressed.")
  end
  if made or not old or old.reason == "DeploymentPaused" or has_progressed(deployment.status or {}, status) then
    return gets_on(old, name)
  end
  local deadline = deployment.spec.progressDeadlineSeconds or 600
  if old.reason == "ProgressDeadlineExceeded" or old.reason == "NewReplicaSetAvailable" then return json.copy(old) end
  local left = clock.parse(old.lastUpdateTime) + deadline - clock.now()
  if left > 0 then return json.copy(old), left + 1 end
  return set("False", "ProgressDeadlineExceeded", name .. " has timed out progressing.")
end

function M.status(deployment, new, sets, unavailable, made, paces)
  local function sum(name)
    local total = 0
    for _, set in ipairs(sets) do total = total + (set.status and set.status[name] or 0) end
    return total
  end
  local asked = 0
  for _, set in ipairs(sets) do asked = asked + (set.spec.replicas or 0) end
  local status = {
    observedGeneration = deployment.metadata.generation, replicas = sum("replicas"),
    updatedReplicas = new and new.status and new.status.replicas or 0, readyReplicas = sum("readyReplicas"),
    availableReplicas = sum("availableReplicas"), terminatingReplicas = sum("terminatingReplicas"),
  }
  status.unavailableReplicas = math.max(0, asked - status.availableReplicas)
  local minimum = status.availableReplicas >= (deployment.spec.replicas or 1) - unavailable
  local moves, again_s = progressing(deployment, new, status, made, paces)
  status.conditions = json.array{
    condition(deployment, "Available", minimum and "True" or "False",
      minimum and "MinimumReplicasAvailable" or "MinimumReplicasUnavailable",
      minimum and "Deployment has minimum availability." or "Deployment does not have minimum availability."),
  }
  status.conditions[2] = moves
  return status, again_s
end

return M
