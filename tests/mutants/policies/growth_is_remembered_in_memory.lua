-- module: druid.recreate
-- caught by: crash immutable_fields 3
-- The set goes first, and its claims grow after that, by the memory of the process (as rabbitmq/cluster-operator#782).
local recreate = require "base.druid.recreate"
local run, small_claims = recreate.run, recreate.small_claims
local pending = {}
function recreate.run(ctx, cluster, steps, done, claims)
  recreate.small_claims = function() return {} end
  run(ctx, cluster, steps, done, claims)
  recreate.small_claims = small_claims
  for _, entry in ipairs(steps.groups) do
    if entry.recreate and entry.recreate.now and next(entry.recreate.grow) then
      pending[entry.group.name] = entry.recreate.grow
    elseif pending[entry.group.name] and not entry.recreate then
      local grown = { group = entry.group, recreate = { grow = pending[entry.group.name] } }
      for _, row in ipairs(small_claims(cluster, grown, claims())) do
        ctx.patch(row.claim, { spec = { resources = { requests = { storage = row.size } } } }, { type = "merge" })
      end
      pending[entry.group.name] = nil
    end
  end
end
return recreate
