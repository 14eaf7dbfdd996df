-- What goes with the data of an ingestion: retention rules and automatic compaction of its data source.
--
-- Each is compared with what Druid has, written when it differs, looked at again from time to time, and
-- removed when it is taken out of the specification. They stay when the whole object is deleted, as the data
-- do. What Druid gives back in other words than it was given (status.unverified…) is written once only.

local answers = require "druid.client.answer"
local coordinator = require "druid.client.coordinator"
local included = require "lib.included"
local work = require "ingestion.work"

local M = {}

M.condition = "SettingsApplied"
M.look_ms = 300000
M.comment = "DruidIngestion"

local memory = {}   -- uid = { digest =, next_ms = }; may be lost at any time

-- Both have: wanted (nil = none), at (the data source), before (what was applied), before_at.
local kinds = {
  { name = "compaction", what = "automatic compaction", read = coordinator.compaction,
    is_none = function(there) return there == json.null end,
    write = function(druid, datasource, wanted)
      local config = json.copy(wanted)
      config.dataSource = datasource
      return coordinator.set_compaction(druid, config, M.comment)
    end,
    remove = function(druid, datasource) return coordinator.remove_compaction(druid, datasource, M.comment) end },
  { name = "rules", what = "retention rules", read = coordinator.rules,
    is_none = function(there) return type(there) ~= "table" or #there == 0 end,
    write = function(druid, datasource, wanted)
      return coordinator.set_rules(druid, datasource, wanted, M.comment)
    end,
    remove = function(druid, datasource)
      return coordinator.set_rules(druid, datasource, json.array({}), M.comment)
    end },
}

local function is_in(wanted, there)
  return type(there) == "table" and included.part(wanted, there, { loose = true })
end

-- Takes back what was applied, unless somebody has changed it since. Gives true, or nil, err.
local function take_back(w, kind, datasource, applied)
  local there, err = kind.read(w.druid, datasource)
  if there == nil then
    return nil, err
  end
  if not kind.is_none(there) then
    if not is_in(applied, there) and not w.new["unverified_" .. kind.name] then
      work.tell(w, "Normal", "SettingsKept", "Left the " .. kind.what .. " of " .. datasource
        .. ": they were changed in Druid since")
      return true
    end
    local done
    done, err = kind.remove(w.druid, datasource)
    if not done then
      return nil, err
    end
    work.tell(w, "Normal", "SettingsRemoved", "Removed the " .. kind.what .. " of " .. datasource)
  end
  return true
end

local function put(w, kind, datasource, wanted, is_applied)
  local there, err = kind.read(w.druid, datasource)
  if there == nil then
    return nil, err
  end
  local flag = "unverified_" .. kind.name
  if is_in(wanted, there) then
    w.new[flag] = nil
    return true
  elseif is_applied and w.new[flag] and not kind.is_none(there) then
    return true
  end
  local done
  done, err = kind.write(w.druid, datasource, wanted)
  if not done then
    return nil, err
  end
  there = kind.read(w.druid, datasource)
  w.new[flag] = there ~= nil and not is_in(wanted, there) or nil
  work.tell(w, "Normal", "SettingsApplied", "Set the " .. kind.what .. " of " .. datasource)
  return true
end

-- One of them. status.<name> and status.<name>DataSource are what was applied last.
local function settle(w, kind, wanted, datasource)
  local new = w.new
  local applied, at = new[kind.name], new[kind.name .. "DataSource"] or w.job.datasource
  local is_empty = applied == nil or type(applied) == "table" and next(applied) == nil
  if not is_empty and at and (wanted == nil or at ~= datasource) then
    local done, err = take_back(w, kind, at, applied)
    if not done then
      return nil, err
    end
    new[kind.name], new[kind.name .. "DataSource"], new["unverified_" .. kind.name] = nil, nil, nil
    is_empty = true
  end
  if wanted ~= nil then
    local done, err = put(w, kind, datasource, wanted, not is_empty and json.equal(applied, wanted))
    if not done then
      return nil, err
    end
    new[kind.name], new[kind.name .. "DataSource"] = wanted, datasource
  end
  return true
end

-- Gives the condition, or nil when nothing is asked for.
function M.run(w)
  local job, new = w.job, w.new
  local uid = w.object.metadata.uid or ""
  local wanted = { compaction = job.compaction, rules = job.rules }
  if not (job.compaction or job.rules or new.compaction or new.rules and #new.rules > 0) then
    memory[uid] = nil
    return nil
  end
  local text = digest.sha256(json.encode({ json.object(wanted), job.datasource or "", job.compacted or "" }))
  local now, known, before = clock.now_ms(), memory[uid], w.old_settings
  if known and before and known.digest == text and now < known.next_ms then
    work.sooner(w, known.next_ms - now)
    return before
  end
  for _, kind in ipairs(kinds) do
    local done, err = settle(w, kind, wanted[kind.name], kind.name == "compaction" and job.compacted or job.datasource)
    if not done and answers.passes(err) then
      work.sooner(w, work.patience(w, err))
      return before or { type = M.condition, status = "Unknown", reason = "Waiting",
        message = answers.waiting(err) }
    elseif not done then
      if not before or before.message ~= err.message then
        work.tell(w, "Warning", "SettingsFailed", err.message)
      end
      work.sooner(w, work.rejected_ms)
      return { type = M.condition, status = "False", reason = "Failed", message = err.message }
    end
  end
  memory[uid] = { digest = text, next_ms = now + M.look_ms }
  if not (job.compaction or job.rules) then
    return nil
  end
  work.sooner(w, M.look_ms)
  return { type = M.condition, status = "True", reason = "Applied", message = "Rules and compaction are as wanted" }
end

function M.forget(uid)
  memory[uid or ""] = nil
end

return M
