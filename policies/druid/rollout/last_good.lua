-- Keeps what was ready last, and brings it back. Pure.
--
-- Before the ConfigMap or the template of a group that is ready is overwritten, both are kept in a ConfigMap
-- "<name>-last-good"; the common configuration likewise. A version that never became ready is not kept, so
-- that one bad edit after the other still leaves the last good one. What is kept names what it was replaced
-- by: a rollback concerns just that, and a group that was not changed by the update is left alone.

local adopt = require "druid.adopt"
local groups = require "druid.groups"
local names = require "druid.names"
local observed = require "druid.observed"
local tables = require "lib.tables"

local M = {}

M.suffix = "-last-good"
M.template = "nemeton.dev/last-good-template"   -- annotation: the pod template, as JSON
M.replaced_by = "nemeton.dev/replaced-by"       -- annotation: what came after it

function M.name(config_name)
  return config_name .. M.suffix
end

local function config_map(cluster, name, labels, data, annotations)
  return { apiVersion = "v1", kind = "ConfigMap",
    metadata = groups.metadata(cluster, M.name(name), labels, annotations), data = json.copy(data) }
end

local function annotation(kept, name)
  return tables.dig(kept, "metadata", "annotations", name)
end

-- What is kept already, replaced by something else now.
local function replaced_again(kept, hash)
  if not kept or annotation(kept, M.replaced_by) == hash then
    return nil
  end
  local object = { apiVersion = "v1", kind = "ConfigMap", data = json.copy(kept.data), metadata = {} }
  for _, field in ipairs({ "name", "namespace", "labels", "annotations", "ownerReferences" }) do
    object.metadata[field] = json.copy(kept.metadata[field])
  end
  object.metadata.annotations[M.replaced_by] = hash
  return object
end

-- What is kept of a group that is about to change, or nil. data: its ConfigMap as it is now; kept: what is
-- kept so far. What is kept of the live template stays: a run that ended between the two writes has put the
-- configuration of the next one beside it.
function M.of_group(cluster, entry, data, kept)
  local state, live = entry.state, entry.live
  local hash = observed.annotation(live, names.template_hash)
  if entry.action ~= "go" or entry.rolled_back or not data then
    return nil
  elseif hash and annotation(kept, names.template_hash) == hash then
    return replaced_again(kept, entry.workload.metadata.annotations[names.template_hash])
  elseif not (state.settled or state.just_held) or state.by_hand or state.ready < state.total or state.total == 0
    or entry.coming_up then
    return replaced_again(kept, entry.workload.metadata.annotations[names.template_hash])
  end
  return config_map(cluster, entry.part.config.metadata.name, entry.group.labels, data, {
    [M.template] = json.encode(live.spec.template),
    [names.template_hash] = hash,
    [names.config_hash] = observed.annotation(live, names.config_hash),
    [M.replaced_by] = entry.workload.metadata.annotations[names.template_hash],
  })
end

-- Does a group run what the ConfigMaps hold? Not when a run ended after it had written the common one.
local function runs(entry, common, data)
  local recorded = adopt.recorded_config(entry.live)
  return recorded == nil or data == nil or recorded == adopt.config_digest(adopt.digest(common), data)
end

-- The same for the common configuration: when it changes while all groups are ready.
function M.of_common(cluster, wanted, live, entries, kept)
  if not live.common or wanted.rolled_back or json.equal(live.common, wanted.common.data) then
    return nil
  end
  for _, entry in ipairs(entries) do
    if entry.state.exists and (not (entry.state.settled or entry.state.just_held) or entry.state.ready < entry.state.total
      or not runs(entry, live.common, live.configs[entry.group.name])) then
      return replaced_again(kept, adopt.digest(wanted.common.data))
    end
  end
  return config_map(cluster, wanted.common.metadata.name, cluster.labels, live.common,
    { [M.replaced_by] = adopt.digest(wanted.common.data) })
end

-- Does a kept version belong to what is wanted now?
function M.replaced(kept, hash)
  return kept ~= nil and annotation(kept, M.replaced_by) == hash
end

-- Puts a kept version in the place of what is wanted: of a group's workload and ConfigMap. Gives what the
-- annotations of the workload have to say: { template =, config = }; nil when it cannot be read.
function M.restore(kept, workload, part)
  local template = json.decode(annotation(kept, M.template) or "")
  if type(template) ~= "table" then
    return nil
  end
  workload.spec.template = template
  part.config = tables.shallow(part.config)
  part.config.data = json.copy(kept.data)
  return { template = annotation(kept, names.template_hash), config = annotation(kept, names.config_hash) }
end

return M
