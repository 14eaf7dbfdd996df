-- Tries rules_cases.lua in Lua, and asks whether every rule and limit has cases.

local rules = require "druid.rules"
local rules_cases = require "rules_cases"

local function told(place, value)
  local list = {}
  rules.judge(rules_cases.object("x", place, value).spec, function(field, message, remedy)
    list[#list + 1] = field .. " " .. message .. "; " .. remedy
  end)
  return list
end

local cases = {}

rules_cases.each(function(place)
  cases[place .. ": good values pass and bad ones are told, with their field"] = function(t)
    rules_cases.each(function(at, value, good)
      if at == place then
        local list = told(place, value)
        t.ok((#list == 0) == good, "told: " .. table.concat(list, " | "))
        local field = place:gsub("^spec/nodes/%*", "spec.nodes.hot"):gsub("/%*", "[0]"):gsub("/", ".")
        local named = good
        for _, text in ipairs(list) do
          named = named or text:sub(1, #field) == field
        end
        t.ok(named, list[1])
      end
    end)
  end
end)

cases["every rule is broken by a case, at every place"] = function(t)
  for i, rule in ipairs(rules.rules) do
    for _, place in ipairs(rule.at) do
      local broken = false
      rules_cases.each(function(at, value, good)
        broken = broken or at == place and not good and type(value) == rule.type and not rule.holds(value)
      end)
      t.ok(broken, string.format("rule %d at %s: %s", i, place, rule.message))
    end
  end
end

cases["a value of another type is told, and nothing is raised"] = function(t)
  for place in pairs(rules_cases.cases) do
    local odd = { maxReplicas = "3", minReplicas = {}, successThreshold = "x", kind = 1 }
    for _, value in ipairs({ true, 1, "x", 1.5, json.array({}), json.object({}), odd, { odd } }) do
      t.ok(type(told(place, value)) == "table")
    end
  end
end

cases["rules say what is wrong and what to do, and the server has them too"] = function(t)
  for _, rule in ipairs(rules.rules) do
    t.ok(rule.message ~= "" and rule.remedy ~= "" and rule.cel, rule.at[1])
  end
end

return cases
