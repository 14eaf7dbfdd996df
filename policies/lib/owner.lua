-- Controller ownership by uid: who made an object, and may therefore change or delete it. Pure.

local M = {}

-- The owner reference by which `object` is the controller of what it makes.
function M.reference(object)
  return {
    apiVersion = object.apiVersion,
    kind = object.kind,
    name = object.metadata.name,
    uid = object.metadata.uid,
    controller = true,
  }
end

-- The reference to the controller of an object, or nil when it has none.
function M.controller(object)
  for _, reference in ipairs(object.metadata.ownerReferences or {}) do
    if reference.controller then
      return reference
    end
  end
  return nil
end

function M.controller_uid(object)
  local controller = M.controller(object)
  return controller and controller.uid
end

return M
