-- Namespaces: a deleted one is emptied, pods first, and goes when nothing is left in it.
local garbage = require "kubernetes.garbage"
local pods = require "kubernetes.pod"

local M = {}

M.watches = { primaries = { { apiVersion = "v1", kind = "Namespace" } } }
for _, kind in ipairs(garbage.watches.primaries) do
  M.watches[#M.watches + 1] = { apiVersion = kind.apiVersion, kind = kind.kind, map = "none", fields = { "metadata.finalizers" } }
end
M.rights = { ["v1/Namespace"] = { "patch", "status" } }
for name in pairs(garbage.rights) do M.rights[name] = { "delete-any" } end

function M.reconcile(ctx)
  local namespace = ctx.object
  if not namespace or not pods.is_deleting(namespace) then return end
  local left = 0
  for _, kind in ipairs(garbage.watches.primaries) do
    for _, object in ipairs(kube.list{ apiVersion = kind.apiVersion, kind = kind.kind, namespace = namespace.metadata.name }) do
      left = left + 1
      if not pods.is_deleting(object) then
        local done, err = ctx.delete(object, { reason = "its namespace is being deleted" })
        if not done and err.code ~= "conflict" then return nil, err end
      end
    end
  end
  if left > 0 then return { requeue_ms = 200 } end
  local _, err = ctx.patch(namespace, { spec = { finalizers = json.array{} } }, { subresource = "finalize" })
  if err and err.code ~= "not_found" then return nil, err end
end

return M
