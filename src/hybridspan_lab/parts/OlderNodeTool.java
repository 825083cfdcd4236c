package tools;

/** Starts the nodetool of Cassandra 3.11, which asks for settings that it never makes where memory maps cannot be freed early. */
public final class OlderNodeTool {
  public static void main(String[] arguments) throws Exception {
    Class.forName("org.apache.cassandra.config.DatabaseDescriptor").getMethod("clientInitialization").invoke(null);
    Class.forName("org.apache.cassandra.tools.NodeTool")
        .getMethod("main", String[].class)
        .invoke(null, (Object) arguments);
  }
}
