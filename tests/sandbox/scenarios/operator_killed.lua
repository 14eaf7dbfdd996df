local w = require "world"
local M = { title = "kill -9 in the middle of a deployment and of a rollout: the next operator finishes it" }

function M.run(ctx)
  w.check(ctx.create(w.cluster()))
  w.wait(ctx, "the first StatefulSets are there", 60, function() return #w.list("apps/v1", "StatefulSet") > 0 end)
  w.operator("kill")
  w.operator("start")
  local druid = w.wait(ctx, "the cluster is Ready", 180, function() return w.is_ready() end)
  for _, set in ipairs(w.list("apps/v1", "StatefulSet")) do
    w.equal(set.metadata.generation, 1, "writes to " .. set.metadata.name)
  end
  local pods = {}
  w.check(ctx.patch(w.druid(), { spec = { podAnnotations = { round = "two" } } }))
  w.wait(ctx, "the rollout has begun", 60, function()
    for _, set in ipairs(w.list("apps/v1", "StatefulSet")) do
      if set.metadata.generation > 1 then return true end
    end
  end)
  for _ = 1, 3 do
    w.operator("kill")
    ctx.sleep(700)
    w.operator("start")
    ctx.sleep(2500)
  end
  w.wait(ctx, "the rollout is over", 400, function() return w.is_ready() end)
  for _, set in ipairs(w.list("apps/v1", "StatefulSet")) do
    w.equal(set.spec.template.metadata.annotations.round, "two", set.metadata.name)
    w.equal(set.metadata.generation, w.writes_of_update(set), "writes to " .. set.metadata.name)
  end
  local _ = druid and pods
end

return M
