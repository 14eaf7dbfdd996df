-- module: druid.recreate
-- caught by: scenario immutable_fields: S16: claim
-- A claim is asked to grow too much, and that is taken back.
local recreate = require "base.druid.recreate"
local run = recreate.run
function recreate.run(ctx, cluster, steps, done, claims)
  local other = setmetatable({ patch = function(target, patch, options)
    if target.kind == "PersistentVolumeClaim" then
      ctx.patch(target, { spec = { resources = { requests = { storage = "900Gi" } } } }, options)
    end
    return ctx.patch(target, patch, options)
  end }, { __index = ctx })
  return run(other, cluster, steps, done, claims)
end
return recreate
