local w = require "world"
local M = { title = "a changed property restarts its own group and no other" }

function M.run(ctx)
  local druid = w.deploy(ctx)
  local broker = w.group_of(druid, "broker")
  local text = druid.spec.nodes[broker.key]["runtime.properties"] .. "\ndruid.broker.http.numConnections=7\n"
  local order = w.follow_rollout(ctx, druid)(function()
    w.check(ctx.patch(w.druid(), { spec = { nodes = { [broker.key] = { ["runtime.properties"] = text } } } }))
  end)
  w.equal(order, { "broker" }, "groups that restarted")
  local data = w.read("v1", "ConfigMap", broker.name .. "-config").data
  w.check(data["runtime.properties"]:find("numConnections=7", 1, true), "the ConfigMap has the new property")

  order = w.follow_rollout(ctx, druid)(function()
    w.check(ctx.patch(w.druid(), { spec = {
      ["common.runtime.properties"] = druid.spec["common.runtime.properties"] .. "\ndruid.startup.logging.logProperties=true\n",
    } }))
  end)
  w.equal(#order, 6, "groups that restart with the common configuration")
end

return M
