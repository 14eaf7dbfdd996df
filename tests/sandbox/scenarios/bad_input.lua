local w = require "world"
local M = { title = "a bad change is named, touches nothing, delays nobody, and is cured by a good one" }

local function first(druid)
  local key = w.group_of(druid, "broker").key
  return key, druid.spec.nodes[key]
end

local CASES = {
  { "no image", "image", function(d) d.spec.image = json.null end },
  { "a bad quantity", "resources", function(d)
    local key = first(d)
    d.spec.nodes = { [key] = { resources = { requests = { memory = "1 GiB" } } } }
  end },
  { "two ports of one number", "port", function(d)
    local key = first(d)
    d.spec.nodes = { [key] = { ports = { { name = "a", containerPort = 9999 }, { name = "b", containerPort = 9999 } } } }
  end },
  { "a node type that nobody knows", "nodeType", function(d)
    local key = first(d)
    d.spec.nodes = { [key] = { nodeType = "brokr" } }
  end },
  { "no group at all", "nodes", function(d)
    for key in pairs(d.spec.nodes) do d.spec.nodes[key] = json.null end
  end },
  { "a group name that is too long", "nodes", function(d)
    local _, group = first(d)
    d.spec.nodes = { ["a-name-for-a-group-that-is-much-too-long-for-a-statefulset"] = group }
  end },
}

local function patch_of(change)
  local druid = w.cluster()
  local whole = json.copy(druid)
  change(druid)
  return { spec = { image = druid.spec.image ~= whole.spec.image and druid.spec.image or nil,
    nodes = not json.equal(druid.spec.nodes, whole.spec.nodes) and druid.spec.nodes or nil } }
end

function M.run(ctx)
  w.deploy(ctx)
  local live = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
  local good = live.spec
  for _, case in ipairs(CASES) do
    local before = json.encode(w.list("apps/v1", "StatefulSet"))
    local patched, err = ctx.patch(w.druid(), patch_of(case[3]))
    if patched then
      w.wait(ctx, case[1] .. " is named", 30, function()
        local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
        local degraded = w.condition(druid, "Degraded")
        return degraded and degraded.status == "True" and degraded.message:find(case[2], 1, true),
          degraded and degraded.message
      end)
      w.equal(json.encode(w.list("apps/v1", "StatefulSet")), before, "StatefulSets after " .. case[1])
      local now = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
      local nodes = {}
      for key in pairs(now.spec.nodes) do nodes[key] = good.nodes[key] or json.null end
      for key, group in pairs(good.nodes) do
        nodes[key] = json.copy(group)
        for field in pairs(now.spec.nodes[key] or {}) do
          if group[field] == nil then nodes[key][field] = json.null end
        end
      end
      w.check(ctx.patch(w.druid(), { spec = { image = good.image, nodes = nodes } }))
      w.wait(ctx, "the cluster is Ready after the cure of " .. case[1], 60, function() return w.is_ready() end)
    else
      w.equal(err.code, "invalid", "the server's refusal of " .. case[1] .. ": " .. err.message)
    end
  end
  w.wait(ctx, "an event names the invalid spec", 10, function() return #w.events("DruidOperatorInvalidSpec") > 0 end)
end

return M
