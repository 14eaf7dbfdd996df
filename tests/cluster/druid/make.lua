-- Writes the inputs of tests/cluster/fields: lua5.4 make.lua ROOT cases | random SEED COUNT | shuffled SEED COUNT
--
-- One object a line, as JSON between lines of ---, which is YAML too. In front of each case stands what is
-- expected of it: "# good", or "# bad", and the messages of which the server has to say one, as comments.

local root, what, seed, count = arg[1], arg[2], math.tointeger(tonumber(arg[3])), math.tointeger(tonumber(arg[4]))
package.path = table.concat({ root .. "/tests/cluster/druid/?.lua", root .. "/crd/schema/?.lua",
  root .. "/tests/policies/fields/?.lua", root .. "/policies/?.lua" }, ";")
local json = require "json"

local function cases()
  local rules_cases, rules_of = require "rules_cases", require "lib.rules"
  local n = 0
  for _, set in ipairs(rules_cases.sets) do
    local rules = require(set.rules)
    rules_cases.each(set, function(place, value, good)
      n = n + 1
      io.write("---\n# ", good and "good " or "bad ", place, "\n")
      if not good then
        for _, rule in ipairs(rules_of.at(rules.rules, place)) do
          io.write("# ", rule.message, "; ", rule.remedy, "\n")
        end
        for _ in ipairs(rules_of.at(rules.limits, place)) do
          io.write("# must have at most\n# Too long\n# may not be more than\n")
        end
      end
      io.write(json.encode(rules_cases.object(set, "case-" .. n, place, value)), "\n")
    end)
  end
end

local function shuffle(keys)
  for i = #keys, 2, -1 do
    local j = math.random(i)
    keys[i], keys[j] = keys[j], keys[i]
  end
end

local function random()
  local druid, description = require "random", require "druid"
  for n = 1, count do
    local object = druid.druid(description, seed, n)
    io.write("---\n", json.encode(object, what == "shuffled" and shuffle or nil), "\n")
  end
end

if what == "cases" then
  cases()
else
  random()
end
