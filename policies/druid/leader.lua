-- Asks a running cluster which Druid version it has. Used only when the image tag does not say.
--
-- The leading Coordinator is asked for its /status. No answer is no error: the order of the rollout is then
-- that of an upgrade, and the status says so.

local client = require "druid.client"
local coordinator = require "druid.client.coordinator"
local process = require "druid.client.process"

local M = {}

-- The version text ("33.0.0"), or nil. druid: as client.open gives it.
function M.version(druid)
  local leader = coordinator.leader(druid)
  for _, pod in ipairs(leader and leader.pod and client.pods(druid) or {}) do
    if pod.metadata.name == leader.pod then
      return (process.version(druid, pod))
    end
  end
  return nil
end

return M
