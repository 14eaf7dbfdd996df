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
  ["the fields of a pod template stay whose they are until it restarts"] = function(t)
    local function fields()
      return { ["f:metadata"] = { ["f:labels"] = json.object({}) },
        ["f:spec"] = { ["f:template"] = { ["f:spec"] = json.object({}) }, ["f:replicas"] = json.object({}) } }
    end
    local patch = takeover.patch(object({ { manager = "manager", operation = "Update", apiVersion = "apps/v1",
      time = "t", fieldsV1 = fields() } }), { "template" })
    t.equal(patch[2].value, {
      { manager = "manager", operation = "Update", apiVersion = "apps/v1", time = "t", fieldsType = "FieldsV1",
        fieldsV1 = { ["f:spec"] = { ["f:template"] = { ["f:spec"] = json.object({}) } } } },
      { manager = "nemeton", operation = "Apply", apiVersion = "apps/v1", fieldsType = "FieldsV1",
        fieldsV1 = { ["f:metadata"] = { ["f:labels"] = json.object({}) }, ["f:spec"] = { ["f:replicas"] = json.object({}) } } },
    })
    t.equal(takeover.patch(object({ patch[2].value[1] }), { "template" }), {}, "a second time there is nothing to do")
  end,
  ["a claim, which keeps the former operator's mark, is taken over once"] = function(t)
    local live = { metadata = { name = "own", annotations = { druidOpResourceHash = "x" } } }
    local kube = { get = function() return live end }
    local entry = { action = "wait", part = { config = { metadata = {} }, claims = { { metadata = { name = "own" } } } } }
    t.equal(takeover.due(kube, entry), { { live = live } })
    live.metadata.annotations["nemeton.dev/applied"] = "y"
    t.equal(takeover.due(kube, entry), {})
  end,
  ["nothing is done where the former operator wrote nothing"] = function(t)
    t.equal(takeover.patch(object({ { manager = "nemeton", operation = "Apply", fieldsV1 = {} } })), {})
    t.equal(takeover.patch(object(nil)), {})
  end,
}
