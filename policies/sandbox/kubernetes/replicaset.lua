-- The ReplicaSet controller: as many pods of the template as asked for.
local pods = require "kubernetes.pod"

local M = {}

M.watches = {
  primaries = { { apiVersion = "apps/v1", kind = "ReplicaSet" } },
  { apiVersion = "v1", kind = "Pod", map = "owner" },
}
M.rights = {
  ["apps/v1/ReplicaSet"] = { "status", "event" },
  ["v1/Pod"] = { "create", "delete" },
}

-- Which pods go first when there are too many: not ready before ready, then by name.
function M.victims(list, count)
  local order = {}
  for _, pod in ipairs(list) do order[#order + 1] = pod end
  table.sort(order, function(a, b)
    local x, y = pods.is_ready(a), pods.is_ready(b)
    if x ~= y then return not x end
    return a.metadata.name < b.metadata.name
  end)
  local chosen = {}
  for i = 1, math.min(count, #order) do chosen[i] = order[i] end
  return chosen
end

function M.reconcile(ctx)
  local set = ctx.object
  if not set then return end
  local live, ready, available, going = {}, 0, 0, 0
  local again_s
  for _, pod in ipairs(kube.list{ apiVersion = "v1", kind = "Pod", namespace = set.metadata.namespace,
    owner = set.metadata.uid }) do
    if pods.is_deleting(pod) then
      going = going + 1
    elseif not pods.is_failed(pod) then
      live[#live + 1] = pod
      if pods.is_ready(pod) then
        local left_s = pods.seconds_until_available(pod, set.spec.minReadySeconds)
        ready = ready + 1
        if left_s <= 0 then available = available + 1 else again_s = math.min(again_s or left_s, left_s) end
      end
    end
  end
  local wanted = set.spec.replicas or 1
  local created = 0
  if not pods.is_deleting(set) then
    for _ = #live + 1, wanted do
      local pod = pods.from_template(set.spec.template, set, nil, {})
      pod.metadata.generateName = set.metadata.name .. "-"
      local _, err = ctx.create(pod)
      if err then return nil, err end
      created = created + 1
    end
    for _, pod in ipairs(M.victims(live, #live - wanted)) do
      local done, err = ctx.delete(pod, { reason = "replicaset" })
      if not done then return nil, err end
      going = going + 1
    end
  end
  local count = math.min(#live + created, math.max(wanted, created))
  local _, err = ctx.status{
    replicas = count, fullyLabeledReplicas = count, readyReplicas = ready, availableReplicas = available,
    observedGeneration = set.metadata.generation, terminatingReplicas = going,
  }
  if err then return nil, err end
  if again_s then return { requeue_ms = math.ceil(again_s * 1000) } end
end

return M
