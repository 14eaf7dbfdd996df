-- The Deployment controller: one ReplicaSet a template, moved over within maxSurge and maxUnavailable.
local owner = require "lib.owner"
local pods = require "kubernetes.pod"
local revision = require "kubernetes.revision"

local M = {}

M.watches = {
  primaries = { { apiVersion = "apps/v1", kind = "Deployment" } },
  { apiVersion = "apps/v1", kind = "ReplicaSet", map = "owner" },
}
M.rights = {
  ["apps/v1/Deployment"] = { "status", "patch", "event" },
  ["apps/v1/ReplicaSet"] = { "create", "patch", "delete", "read" },
}

local function amount(value, of, round_up, default)
  if value == nil then value = default end
  if type(value) == "string" then
    local percent = tonumber(value:match("^(%d+)%%$") or "0")
    local exact = of * percent / 100
    return math.tointeger(round_up and math.ceil(exact) or math.floor(exact))
  end
  return value
end

-- How many pods may be missing and how many may be too many.
function M.budget(deployment)
  local wanted = deployment.spec.replicas or 1
  local strategy = deployment.spec.strategy or {}
  if strategy.type == "Recreate" then return wanted, 0 end
  local rolling = strategy.rollingUpdate or {}
  local surge = amount(rolling.maxSurge, wanted, true, "25%")
  local unavailable = amount(rolling.maxUnavailable, wanted, false, "25%")
  if surge == 0 and unavailable == 0 then unavailable = 1 end
  return unavailable, surge
end

local function hash_of(template)
  return revision.safe_encode(string.format("%d", digest.fnv1_32(json.encode(template))))
end

function M.replica_set(deployment, hash)
  local template = json.copy(deployment.spec.template)
  template.metadata = template.metadata or {}
  template.metadata.labels = template.metadata.labels or {}
  template.metadata.labels["pod-template-hash"] = hash
  local selector = json.copy(deployment.spec.selector)
  selector.matchLabels = selector.matchLabels or {}
  selector.matchLabels["pod-template-hash"] = hash
  return {
    apiVersion = "apps/v1", kind = "ReplicaSet",
    metadata = {
      namespace = deployment.metadata.namespace, name = deployment.metadata.name .. "-" .. hash,
      labels = template.metadata.labels, ownerReferences = { pods.owner_reference(deployment) },
    },
    spec = { replicas = 0, selector = selector, template = template },
  }
end

-- The next replicas of every set: { [name] = n }.
function M.scale(deployment, new, old)
  local wanted = deployment.spec.replicas or 1
  local unavailable, surge = M.budget(deployment)
  local plan, total, available = {}, new.spec.replicas or 0, new.status and new.status.availableReplicas or 0
  local old_total = 0
  for _, set in ipairs(old) do
    old_total = old_total + (set.spec.replicas or 0)
    available = available + (set.status and set.status.availableReplicas or 0)
  end
  total = total + old_total
  local recreate = deployment.spec.strategy and deployment.spec.strategy.type == "Recreate"
  if (new.spec.replicas or 0) > wanted then
    plan[new.metadata.name] = wanted
  elseif (new.spec.replicas or 0) < wanted and not (recreate and old_total > 0) then
    local room = wanted + surge - total
    if room > 0 then plan[new.metadata.name] = math.min(wanted, (new.spec.replicas or 0) + room) end
  end
  local spare = available - (wanted - unavailable)
  for _, set in ipairs(old) do
    local has = set.spec.replicas or 0
    local sick = math.max(0, has - (set.status and set.status.availableReplicas or 0))
    local down = math.min(has, sick + math.max(0, spare))
    if down > 0 then
      plan[set.metadata.name] = has - down
      spare = spare - (down - sick)
    end
  end
  return plan
end

local function status_of(deployment, new, sets)
  local total, ready, available = 0, 0, 0
  for _, set in ipairs(sets) do
    local status = set.status or {}
    total, ready, available = total + (status.replicas or 0), ready + (status.readyReplicas or 0),
      available + (status.availableReplicas or 0)
  end
  local wanted = deployment.spec.replicas or 1
  local updated = new.status and new.status.replicas or 0
  local done = updated == wanted and total == wanted and available == wanted
  local minimum = available >= wanted - M.budget(deployment)
  local function condition(kind, ok, reason, message)
    local state, since = ok and "True" or "False", clock.rfc3339()
    for _, old in ipairs(deployment.status and deployment.status.conditions or {}) do
      if old.type == kind and old.status == state then since = old.lastTransitionTime end
    end
    return { type = kind, status = state, reason = reason, message = message, lastTransitionTime = since,
      lastUpdateTime = since }
  end
  return {
    observedGeneration = deployment.metadata.generation, replicas = total, updatedReplicas = updated,
    readyReplicas = ready, availableReplicas = available, unavailableReplicas = math.max(0, total - available),
    conditions = {
      condition("Available", minimum, minimum and "MinimumReplicasAvailable" or "MinimumReplicasUnavailable",
        minimum and "Deployment has minimum availability." or "Deployment does not have minimum availability."),
      condition("Progressing", true, done and "NewReplicaSetAvailable" or "ReplicaSetUpdated",
        "ReplicaSet \"" .. new.metadata.name .. (done and "\" has successfully progressed." or "\" is progressing.")),
    },
  }
end

-- ReplicaSets that a Deployment of the same selector has left behind are adopted, when a new one begins.
local function adopt(ctx, deployment)
  local labels = {}
  for key, value in pairs(deployment.spec.selector.matchLabels or {}) do labels[#labels + 1] = key .. "=" .. value end
  local found, err = kube.read_list{ apiVersion = "apps/v1", kind = "ReplicaSet", namespace = deployment.metadata.namespace,
    labels = table.concat(labels, ",") }
  for _, set in ipairs(found or {}) do
    if not owner.controller_uid(set) and not pods.is_deleting(set) then
      local target = { apiVersion = "apps/v1", kind = "ReplicaSet", namespace = set.metadata.namespace, name = set.metadata.name,
        uid = set.metadata.uid }
      local done, failed = ctx.patch(target, { metadata = { ownerReferences = { pods.owner_reference(deployment) } } })
      if not done then return nil, failed end
    end
  end
  return found ~= nil, err
end

function M.reconcile(ctx)
  local deployment = ctx.object
  if not deployment or pods.is_deleting(deployment) then return end
  if not (deployment.status and deployment.status.observedGeneration) then
    local done, err = adopt(ctx, deployment)
    if not done then return nil, err end
  end
  local hash = hash_of(deployment.spec.template)
  local name = deployment.metadata.name .. "-" .. hash
  local sets = kube.list{ apiVersion = "apps/v1", kind = "ReplicaSet", namespace = deployment.metadata.namespace,
    owner = deployment.metadata.uid }
  local new, old = nil, {}
  for _, set in ipairs(sets) do
    if set.metadata.name == name then new = set else old[#old + 1] = set end
  end
  if not new then
    local err
    new, err = ctx.create(M.replica_set(deployment, hash))
    if not new then return nil, err end
    sets[#sets + 1] = new
  end
  for set_name, count in pairs(M.scale(deployment, new, old)) do
    local _, err = ctx.patch({ apiVersion = "apps/v1", kind = "ReplicaSet", namespace = deployment.metadata.namespace,
      name = set_name }, { spec = { replicas = count } })
    if err then return nil, err end
  end
  local finished = {}
  for _, set in ipairs(old) do
    if (set.spec.replicas or 0) == 0 and (not set.status or (set.status.replicas or 0) == 0) then
      finished[#finished + 1] = set
    end
  end
  for i = 1, #finished - (deployment.spec.revisionHistoryLimit or 10) do
    ctx.delete(finished[i], { reason = "revision history limit" })
  end
  local _, err = ctx.status(status_of(deployment, new, sets))
  if err then return nil, err end
end

return M
