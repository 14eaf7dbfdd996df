-- Says how far a live StatefulSet or Deployment is, in the words of a rollout. Pure.
--
-- From: its spec and status. A status counts only when the controller has seen the newest spec
-- (observedGeneration). A set that its user rolls by hand (OnDelete) or only in part (partition) is done
-- as soon as it is written: nobody else will finish it. One that the operator holds in OnDelete, to replace
-- its pods one by one (druid.rollout.step), is under way until it is let go; so is one that was left to its user, by the
-- Druid object, and is no more.

local names = require "druid.names"
local tables = require "lib.tables"

local M = {}

-- The value of configMapSHA in a live pod template, and the main container's image.
function M.main_container(live, name)
  for _, container in ipairs(tables.dig(live, "spec", "template", "spec", "containers") or {}) do
    if container.name == name then
      return container
    end
  end
  return nil
end

local function sha_of(container)
  for _, variable in ipairs(container and container.env or {}) do
    if variable.name == "configMapSHA" then
      return variable.value
    end
  end
  return nil
end

function M.config_sha(live, name)
  return sha_of(M.main_container(live, name))
end

function M.annotation(live, name)
  return tables.dig(live, "metadata", "annotations", name)
end

local function rolled_by_others(spec)
  local strategy = spec.updateStrategy or {}
  return strategy.type == "OnDelete"
    or (tables.dig(strategy, "rollingUpdate", "partition") or 0) > 0
end

-- live: the workload or nil. name: the group's name. reclaimed: its strategy is ours to take back (druid.rollout.step).
function M.state(live, name, reclaimed)
  if not live then
    return { exists = false, ready = 0, total = 0, updated = 0 }
  end
  local spec, status = live.spec, live.status or {}
  local total, container = spec.replicas or 1, M.main_container(live, name)
  local state = {
    exists = true,
    total = total,
    ready = status.readyReplicas or 0,
    updated = status.updatedReplicas or 0,
    present = status.replicas or 0,
    seen = (status.observedGeneration or 0) >= (live.metadata.generation or 0),
    ours = M.annotation(live, names.template_hash) ~= nil,
    image = (container or {}).image,
    sha = sha_of(container),
  }
  local complete = state.updated == total and state.ready == total and state.present == total
  if live.kind == "StatefulSet" then
    state.revision = status.updateRevision
    state.held = M.annotation(live, names.step) ~= nil
    state.reclaimed = reclaimed and not state.held and rolled_by_others(spec) or nil
    state.ungated = not state.held and not state.reclaimed and rolled_by_others(spec)
    -- All pods that are there have the newest template. The two revisions of the status may differ for
    -- good, and are equal while pods of a revision between them are left: only pods count.
    complete = not state.held and (complete or (status.updateRevision ~= nil and state.updated == state.present))
  else
    complete = complete and (status.availableReplicas or 0) == total
    state.ungated = spec.paused == true
    -- A Deployment that lacks pods but none of an old template is not rolling.
    complete = complete or (state.updated == state.present and state.updated == total)
  end
  -- Rolling: pods of an older template are, or may be, still there.
  state.rolling = not state.ungated and not (state.seen and complete)
  state.settled = state.seen and (state.ungated or (complete and state.ready == total))
  -- Held, and nothing of it has been replaced yet.
  state.just_held = state.held and state.seen and state.updated == total and state.ready == total and state.present == total
    and M.annotation(live, names.step) == "{}"
  state.by_hand = state.ungated and state.seen and state.updated < total
  return state
end

return M
