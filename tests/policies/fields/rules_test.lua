-- Tries rules_cases.lua and ingestion_cases.lua in Lua, and asks whether every rule and limit has cases.

local rules_cases = require "rules_cases"
local rules_of = require "lib.rules"

local modules = { ["druid.rules"] = require "druid.rules", ["ingestion.rules"] = require "ingestion.rules" }

local function told(set, place, value)
  local list = {}
  modules[set.rules].judge(rules_cases.object(set, "x", place, value).spec, function(field, message, remedy)
    list[#list + 1] = field .. " " .. message .. "; " .. remedy
  end)
  return list
end

-- "spec/nodes/*/services/*" as it is told: spec.nodes.hot.services[0].
local function field_of(set, place)
  local field, before = "", nil
  for step in place:gmatch("[^/]+") do
    local entry = step == "*" and set.entry[before]
    field = field .. (step == "*" and (entry and "." .. entry or "[0]") or (field == "" and step or "." .. step))
    before = step
  end
  return field
end

local function is_told(t, set, place, value, good)
  local list, field = told(set, place, value), field_of(set, place)
  t.ok((#list == 0) == good, "told: " .. table.concat(list, " | "))
  local named = good
  for _, text in ipairs(list) do
    named = named or text:sub(1, #field) == field
  end
  t.ok(named, list[1])
end

local function is_broken(set, rule, place)
  local broken = false
  rules_cases.each(set, function(at, value, good)
    broken = broken or at == place and not good and type(value) == rule.type and not rule.holds(value)
  end)
  return broken
end

local cases = {}

for _, set in ipairs(rules_cases.sets) do
  local rules = modules[set.rules]
  for place in pairs(set.cases) do
    cases[set.kind .. " " .. place .. ": good values pass and bad ones are told, with their field"] = function(t)
      rules_cases.each(set, function(at, value, good)
        if at == place then
          is_told(t, set, place, value, good)
        end
      end)
    end
  end
  cases[set.kind .. ": every rule is broken by a case, at every place"] = function(t)
    for i, rule in ipairs(rules.rules) do
      for _, place in ipairs(rule.at) do
        t.ok(is_broken(set, rule, place), string.format("rule %d at %s: %s", i, place, rule.message))
      end
    end
  end
  cases[set.kind .. ": a value of another type is told, and nothing is raised"] = function(t)
    for place in pairs(set.cases) do
      local odd = { maxReplicas = "3", minReplicas = {}, successThreshold = "x", kind = 1, nativeSpec = 1, spec = {},
        type = {}, secretRef = 1 }
      for _, value in ipairs({ true, 1, "x", 1.5, json.array({}), json.object({}), odd, { odd } }) do
        t.ok(type(told(set, place, value)) == "table")
      end
    end
  end
  cases[set.kind .. ": rules say what is wrong and what to do, and the server has them too"] = function(t)
    for _, rule in ipairs(rules.rules) do
      t.ok(rule.message ~= "" and rule.remedy ~= "" and rule.cel, rule.at[1])
      t.ok(#rules_of.at(rules.rules, rule.at[1]) > 0, rule.at[1])
    end
  end
end

return cases
