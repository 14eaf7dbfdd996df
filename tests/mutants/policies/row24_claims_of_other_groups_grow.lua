-- module: druid.recreate
-- caught by: case recreate_test: volumes grow each by its own template, when that was asked for
-- A size goes to every claim of the cluster.
local recreate = require "base.druid.recreate"
function recreate.small_claims(_, entry, claims)
  local small, _, size = {}, next(entry.recreate.grow)
  for _, claim in ipairs(claims) do
    small[#small + 1] = { claim = claim, size = size }
  end
  return small
end
return recreate
