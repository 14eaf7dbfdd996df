-- Rules about single values of an object: said once, held by the policies and by API servers alike. Pure.
--
-- A rule is { at = places, type =, message =, remedy =, holds = function(value), cel = text }. The Lua is for
-- every server and for `nemeton check`, the CEL for a server that holds it itself (deploy/crd-cel, made by
-- deploy/make-crd). A place is "spec/nodes/*/kind"; * is each entry. A rule is asked only where there is a
-- value. A limit is { at = places, of = "maxItems", "maxLength" or "maxProperties", max = }: the most entries
-- of a list or map, or characters of a text. The server wants some to know what a rule can cost at most.
--
-- A module of rules has the lists `rules` and `limits`; druid.rules and ingestion.rules are such.

local durations = require "lib.duration"
local names = require "lib.names"

local M = {}

-- Common rules -------------------------------------------------------------------------------------

-- The value is one of a list. or_empty: the empty text counts as left out.
function M.one_of(at, list, message, or_empty)
  local known, texts, shown = {}, {}, {}
  for i, value in ipairs(list) do
    known[value], texts[i], shown[i] = true, "'" .. value .. "'", value
  end
  if or_empty then
    known[""] = true
    table.insert(texts, 1, "''")
  end
  return {
    at = at, type = "string", message = message,
    remedy = "use " .. table.concat(shown, ", ", 1, #shown - 1) .. (#shown > 1 and " or " or "") .. shown[#shown],
    cel = "self in [" .. table.concat(texts, ", ") .. "]",
    holds = function(self) return known[self] == true end,
  }
end

function M.between(at, min, max, message, remedy)
  local cel = max and string.format("self >= %d && self <= %d", min, max) or string.format("self >= %d", min)
  return {
    at = at, type = "number", message = message, remedy = remedy, cel = cel,
    holds = function(self) return self >= min and (max == nil or self <= max) end,
  }
end

-- Read by lib.duration.
function M.duration(at)
  return {
    is_duration = true, at = at, type = "string", message = "is no length of time", remedy = "write it as 90s, 30m or 1h30m",
    cel = "self.matches('^(0|([0-9]+([.][0-9]+)?(h|m|s|ms))+)?$')",
    holds = function(self) return self == "" or durations.seconds(self) ~= nil end,
  }
end

-- A DNS label, as a regular expression.
M.label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

-- The name of an object, or nothing.
function M.subdomain(at, message)
  return {
    at = at, type = "string", message = message,
    remedy = "use lower-case letters, digits, dashes and dots, as in the name of the object that is meant",
    cel = string.format("self.matches('^(%s(\\\\.%s)*)?$')", M.label, M.label),
    holds = function(self) return self == "" or names.is_subdomain(self) end,
  }
end

-- Limits for every length of time in a list of rules: a pattern over a text of any length would cost the
-- server too much.
function M.limit_durations(rules, limits)
  for _, rule in ipairs(rules) do
    if rule.is_duration then
      limits[#limits + 1] = { at = rule.at, of = "maxLength", max = 32 }
    end
  end
end

-- What is said about one place ---------------------------------------------------------------------

-- list: rules or limits.
function M.at(list, place)
  local found = {}
  for _, entry in ipairs(list) do
    for _, at in ipairs(entry.at) do
      if at == place then
        found[#found + 1] = entry
      end
    end
  end
  return found
end

-- Judging an object --------------------------------------------------------------------------------

-- All places of a set as one tree, so that an object is walked once, and only where something is said:
-- { steps = { name = tree, … }, names = { name, … }, each = the tree of *, rules = …, limits = … }.
local function tree_of(set)
  local top = { steps = {}, names = {} }
  for _, name in ipairs({ "rules", "limits" }) do
    for _, entry in ipairs(set[name]) do
      for _, place in ipairs(entry.at) do
        local at = top
        for step in place:gmatch("[^/]+") do
          local below = step == "*" and at.each or at.steps[step]
          if not below then
            below = { steps = {}, names = {} }
            if step == "*" then
              at.each = below
            else
              at.steps[step], at.names[#at.names + 1] = below, step
            end
          end
          at = below
        end
        at[name] = at[name] or {}
        table.insert(at[name], entry)
      end
    end
  end
  return top
end

local trees = {}   -- set = its tree; rules are added while modules are loaded, so before the first use

local function shown(value)
  if type(value) == "string" then
    return "\"" .. names.cut(value, 80) .. "\" "
  end
  return type(value) == "table" and "" or tostring(value) .. " "
end

local words = { string = "a text", number = "a number", table = "an object" }

local size = {
  maxItems = function(value) return type(value) == "table" and #value or 0 end,
  maxLength = function(value) return type(value) == "string" and (utf8.len(value) or #value) or 0 end,
  maxProperties = function(value)
    local count = 0
    for _ in pairs(type(value) == "table" and value or {}) do
      count = count + 1
    end
    return count
  end,
}

local nothing = {}

-- trail: the steps from the object's top to a value, of which `depth` count.
local function field_of(trail, depth)
  local field = trail[1]
  for i = 2, depth do
    field = field .. (type(trail[i]) == "number" and string.format("[%d]", trail[i] - 1) or "." .. trail[i])
  end
  return field
end

local function judge_value(tree, value, trail, depth, add)
  for _, rule in ipairs(tree.rules or nothing) do
    if type(value) ~= rule.type then
      add(field_of(trail, depth), shown(value) .. "has the wrong type", "give " .. words[rule.type])
    else
      local judged, holds = pcall(rule.holds, value)   -- a part of it may have the wrong type
      if not judged or not holds then
        add(field_of(trail, depth), shown(value) .. rule.message, rule.remedy)
      end
    end
  end
  for _, limit in ipairs(tree.limits or nothing) do
    local count = size[limit.of](value)
    if count > limit.max then
      add(field_of(trail, depth), string.format("has %d %s; %d are the most", count,
        limit.of == "maxLength" and "characters" or "entries", limit.max), "use fewer")
    end
  end
end

local function walk(tree, value, trail, depth, add)
  if value == nil or value == json.null then
    return
  end
  if tree.rules or tree.limits then
    judge_value(tree, value, trail, depth, add)
  end
  if type(value) ~= "table" then
    return   -- the schema says so
  end
  for i = 1, #tree.names do
    local step = tree.names[i]
    local part = value[step]
    if part ~= nil then
      trail[depth + 1] = step
      walk(tree.steps[step], part, trail, depth + 1, add)
    end
  end
  if tree.each then
    for key, part in pairs(value) do
      trail[depth + 1] = key
      walk(tree.each, part, trail, depth + 1, add)
    end
  end
end

-- Calls add(field, message, remedy) for everything in a spec that breaks one of set.rules or set.limits.
function M.judge(set, spec, add)
  trees[set] = trees[set] or tree_of(set)
  walk(trees[set].steps.spec, spec, { "spec" }, 1, add)
end

return M
