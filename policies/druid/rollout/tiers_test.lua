local tiers = require "druid.rollout.tiers"

local function group(name, tier)
  return { name = name, kind = "StatefulSet", type = "historical",
    node = { ["runtime.properties"] = tier and "druid.server.tier=" .. tier or "" } }
end

local function entry(name, tier, total, coming_up)
  return { type = "historical", group = group(name, tier), coming_up = coming_up,
    state = { exists = true, total = total } }
end

-- Sets have their name as uid, and two pods each, the second of which may have failed.
local function kube_of(failed)
  return {
    get = function(target) return { metadata = { name = target.name, uid = target.name } } end,
    list = function(filter)
      local list = {}
      for i = 0, 1 do
        list[#list + 1] = { metadata = { name = filter.owner .. "-" .. i, uid = filter.owner .. i },
          status = { phase = i == 1 and failed or "Running" } }
      end
      return list
    end,
  }
end

local cluster = { name = "a", namespace = "n", spec = { ["common.runtime.properties"] = "druid.server.tier=hot" } }

return {
  ["a tier is what its groups have together, but those that come up for the first time"] = function(t)
    local entries = { entry("a", nil, 2), entry("b", "hot", 3), entry("c", "hot", 1, true), entry("d", "cold", 9),
      { type = "broker", group = { name = "e", node = {} }, state = { exists = true, total = 1 } } }
    local tier = tiers.look(kube_of(), cluster, entries, entries[1])
    t.equal(tier.name, "hot")
    t.equal(tier.wanted, 5)
    t.equal(tier.others, { cold = true })
    local names = {}
    for i, row in ipairs(tier.rows) do
      names[i] = row.name
    end
    t.equal(names, { "a-0", "a-1", "b-0", "b-1" })
    t.equal(#tiers.look(kube_of("Failed"), cluster, entries, entries[1]).rows, 2)
    t.equal(tiers.look(kube_of(), cluster, entries, entries[5]), nil)
    t.equal(tiers.name({ spec = {} }, group("x")), "_default_tier")
  end,
}
