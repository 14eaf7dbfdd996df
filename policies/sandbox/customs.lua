-- Kinds from CustomResourceDefinitions that the garbage collector watches as owners, as a list of
-- { apiVersion =, kind = }. The sandbox puts a layer with its own list on top; owners of other kinds
-- are asked for live, every few seconds.
return {}
