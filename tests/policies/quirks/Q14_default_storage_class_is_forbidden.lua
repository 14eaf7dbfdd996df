-- module: druid.check
-- Each claim template must name a storage class.
local check = require "base.druid.check"
table.insert(check.group_rules, function(_, group, at, add)
  for i, template in ipairs(group.node.volumeClaimTemplates or {}) do
    if not (template.spec or {}).storageClassName then
      add(string.format("%s.volumeClaimTemplates[%d].spec.storageClassName", at, i - 1), "is missing", "name one")
    end
  end
end)
return check
