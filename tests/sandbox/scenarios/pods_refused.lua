local w = require "world"
local M = { title = "what keeps pods from being made is told, and gone when it is" }

local function degraded()
  local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
  local condition = druid and w.condition(druid, "Degraded")
  return condition and condition.status == "True" and condition.message:find("pods are refused: exceeded quota: few", 1, true),
    condition and condition.message
end

function M.run(ctx)
  local quota = { apiVersion = "v1", kind = "ResourceQuota", metadata = { name = "few", namespace = w.namespace },
    spec = { hard = { pods = "2" } } }
  w.check(ctx.create(quota))
  if w.mode == "cluster" then
    w.wait(ctx, "the quota counts", 30, function()
      local live = w.read("v1", "ResourceQuota", "few")
      return live and live.status and live.status.used
    end)
  end
  w.check(ctx.create(w.cluster("tiny")))
  w.wait(ctx, "the refusal is told", 120, degraded)
  w.check(ctx.delete(w.target("v1", "ResourceQuota", "few")))
  w.wait(ctx, "the cluster is Ready", 600, function() return w.is_ready("tiny") end)
end

return M
