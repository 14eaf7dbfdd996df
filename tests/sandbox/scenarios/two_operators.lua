local w = require "world"
local M = { title = "two operators at once: one leads, the other takes over, nothing is written twice" }

function M.run(ctx)
  w.operator("second")
  local druid = w.deploy(ctx)
  w.operator("kill")
  w.check(ctx.patch(w.druid(), { spec = { podAnnotations = { round = "two" } } }))
  w.wait(ctx, "the second operator has rolled the change", 400, function() return w.is_ready() end)
  for _, set in ipairs(w.list("apps/v1", "StatefulSet")) do
    w.equal(set.spec.template.metadata.annotations.round, "two", set.metadata.name)
    w.equal(set.metadata.generation, w.writes_of_update(set), "writes to " .. set.metadata.name)
  end
  w.check(druid)
end

return M
