-- module: druid.recreate
-- caught by: scenario immutable_fields
-- A set is made anew together with its pods.
local recreate = require "base.druid.recreate"
local run = recreate.run
function recreate.run(ctx, cluster, steps, done, claims)
  local other = setmetatable({ delete = function(target, options)
    return ctx.delete(target, { propagation = "Background", reason = options.reason })
  end }, { __index = ctx })
  return run(other, cluster, steps, done, claims)
end
return recreate
