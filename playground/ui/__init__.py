"""The window: Qt, and the bridge to the loop the services live on."""
