-- Reads how far an update may go: whether it is paused, aborted or taken back. Pure.
--
-- From the Druid object's annotation nemeton.dev/rollout ("pause" or "abort"; without it the update goes on)
-- and from its status, where an update that was stuck is noted as taken back (spec.rollback: auto). An update
-- that is aborted or taken back returns to what was ready last (druid.rollout.last_good); a spec of another
-- generation ends the latter.

local names = require "druid.names"
local tables = require "lib.tables"

local M = {}

M.words = {
  pause = "the update is paused by the annotation " .. names.rollout,
  abort = "the update is aborted by the annotation " .. names.rollout,
}

-- { frozen = words: nothing more restarts, stop = words: no pod is replaced either, back = return to what was
-- ready last, unknown = what the annotation says that nobody understands }.
function M.read(cluster, old)
  local said = tables.dig(cluster.object.metadata, "annotations", names.rollout)
  local verb = said and (said:match("^(pause)d?$") or said:match("^(abort)e?d?$"))
  if verb == "pause" then
    return { frozen = M.words.pause, stop = M.words.pause }
  elseif verb == "abort" then
    return { frozen = M.words.abort, back = true }
  end
  local taken = old.rollback
  if taken and taken.generation == cluster.generation then
    return { frozen = "the update is taken back: " .. (taken.reason or ""), back = true }
  end
  return { unknown = said ~= nil and said ~= "" and said or nil }
end

-- A part of the proof that nothing is to be compared again.
function M.proof(cluster, old)
  local steering = M.read(cluster, old)
  return (steering.frozen or "") .. tostring(steering.back) .. tostring(steering.stop ~= nil)
end

return M
