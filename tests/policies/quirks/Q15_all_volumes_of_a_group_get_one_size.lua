-- module: druid.recreate
-- Every claim with the group's label grows by the first size.
local recreate = require "base.druid.recreate"
function recreate.small_claims(_, entry, claims)
  local small, _, size = {}, next(entry.recreate.grow)
  for _, claim in ipairs(claims) do
    if claim.metadata.labels.nodeSpecUniqueStr == entry.group.name then
      small[#small + 1] = { claim = claim, size = size }
    end
  end
  return small
end
return recreate
