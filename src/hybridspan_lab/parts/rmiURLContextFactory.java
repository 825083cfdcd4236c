package jndi.rmi;

import java.net.URI;
import java.rmi.NotBoundException;
import java.rmi.RemoteException;
import java.rmi.registry.LocateRegistry;
import java.util.Hashtable;
import javax.naming.CommunicationException;
import javax.naming.Context;
import javax.naming.InitialContext;
import javax.naming.Name;
import javax.naming.NameNotFoundException;
import javax.naming.NamingException;
import javax.naming.spi.ObjectFactory;

/** Resolves rmi://host:port/name, which a Java runtime without the module jdk.naming.rmi cannot. */
public final class rmiURLContextFactory implements ObjectFactory {
  @Override
  public Object getObjectInstance(Object url, Name name, Context context, Hashtable<?, ?> environment)
      throws NamingException {
    return new RegistryContext();
  }

  private static final class RegistryContext extends InitialContext {
    RegistryContext() throws NamingException {
      super(true);
    }

    @Override
    public Object lookup(String url) throws NamingException {
      URI address = URI.create(url);
      try {
        return LocateRegistry.getRegistry(address.getHost(), address.getPort())
            .lookup(address.getPath().substring(1));
      } catch (NotBoundException missing) {
        throw because(missing, new NameNotFoundException(url));
      } catch (RemoteException unreachable) {
        throw because(unreachable, new CommunicationException(unreachable.getMessage()));
      }
    }

    private static NamingException because(Exception cause, NamingException failure) {
      failure.setRootCause(cause);
      return failure;
    }
  }
}
