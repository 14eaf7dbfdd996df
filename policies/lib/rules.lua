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

-- Calls found(value, field) for every value at a place; field is written from the object's top.
local function visit(value, place, from, field, found)
  if value == nil or value == json.null then
    return
  end
  if from > #place then
    found(value, field)
    return
  end
  if type(value) ~= "table" then
    return   -- the schema says so
  end
  local stop = place:find("/", from, true) or #place + 1
  local step = place:sub(from, stop - 1)
  if step ~= "*" then
    visit(value[step], place, stop + 1, field .. "." .. step, found)
    return
  end
  for key, part in pairs(value) do
    local here = type(key) == "number" and string.format("%s[%d]", field, key - 1) or field .. "." .. key
    visit(part, place, stop + 1, here, found)
  end
end

local function each_value(spec, entry, found)
  for _, place in ipairs(entry.at) do
    visit(spec, place, #"spec/" + 1, "spec", found)
  end
end

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

-- Calls add(field, message, remedy) for everything in a spec that breaks one of set.rules or set.limits.
function M.judge(set, spec, add)
  for _, rule in ipairs(set.rules) do
    each_value(spec, rule, function(value, field)
      if type(value) ~= rule.type then
        add(field, shown(value) .. "has the wrong type", "give " .. words[rule.type])
        return
      end
      local judged, holds = pcall(rule.holds, value)   -- a part of it may have the wrong type
      if not judged or not holds then
        add(field, shown(value) .. rule.message, rule.remedy)
      end
    end)
  end
  for _, limit in ipairs(set.limits) do
    each_value(spec, limit, function(value, field)
      local count = size[limit.of](value)
      if count > limit.max then
        add(field, string.format("has %d %s; %d are the most", count,
          limit.of == "maxLength" and "characters" or "entries", limit.max), "use fewer")
      end
    end)
  end
end

return M
