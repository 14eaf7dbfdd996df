local takeover = require "druid.takeover"

local function object(managed)
  return { apiVersion = "apps/v1", metadata = { resourceVersion = "7", managedFields = managed } }
end

return {
  ["fields of the former operator become ours, others stay whose they are"] = function(t)
    local kubectl = { manager = "kubectl", operation = "Update", fieldsV1 = { a = json.object({}) } }
    local state = { manager = "manager", operation = "Update", subresource = "status",
      fieldsV1 = { b = json.object({}) } }
    local patch = takeover.patch(object({ kubectl, state,
      { manager = "manager", operation = "Update", fieldsV1 = { ["f:spec"] = { ["f:x"] = json.object({}) } } },
      { manager = "nemeton", operation = "Apply", fieldsV1 = { ["f:spec"] = { ["f:y"] = json.object({}) } } } }))
    t.equal(patch[1].value, "7")
    t.equal(patch[2].value, { kubectl, state, { manager = "nemeton", operation = "Apply",
      fieldsV1 = { ["f:spec"] = { ["f:x"] = json.object({}), ["f:y"] = json.object({}) } } } })
  end,
  ["nothing is done where the former operator wrote nothing"] = function(t)
    t.equal(takeover.patch(object({ { manager = "nemeton", operation = "Apply", fieldsV1 = {} } })), {})
    t.equal(takeover.patch(object(nil)), {})
  end,
}
