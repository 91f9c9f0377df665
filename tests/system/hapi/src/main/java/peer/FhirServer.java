package peer;

import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.DaoRegistry;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.binary.api.IBinaryStorageSvc;
import ca.uhn.fhir.jpa.binstore.DatabaseBinaryContentStorageSvcImpl;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.dao.FulltextSearchSvcImpl;
import ca.uhn.fhir.jpa.dao.IFulltextSearchSvc;
import ca.uhn.fhir.jpa.dao.search.HSearchSortHelperImpl;
import ca.uhn.fhir.jpa.dao.search.IHSearchSortHelper;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.DaoRegistryResourceSupportedSvc;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.SubscriptionTriggeringProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.search.IStaleSearchDeletingSvc;
import ca.uhn.fhir.jpa.search.StaleSearchDeletingSvcImpl;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.subscription.match.config.SubscriptionProcessorConfig;
import ca.uhn.fhir.jpa.subscription.match.deliver.email.IEmailSender;
import ca.uhn.fhir.jpa.subscription.submit.config.SubscriptionSubmitterConfig;
import ca.uhn.fhir.jpa.util.ResourceCountCache;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.api.IResourceSupportedSvc;
import ca.uhn.fhir.rest.server.IncomingRequestAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Properties;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.hibernate.boot.archive.scan.internal.DisabledScanner;
import org.hl7.fhir.dstu2.model.Subscription;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;
import org.springframework.transaction.annotation.EnableTransactionManagement;

/**
 * A FHIR R4 server with nothing kept: HAPI's JPA server in embedded Jetty over H2 in memory.
 *
 * <p>Arguments: a port of 127.0.0.1 (0: any free one) and a token that the CapabilityStatement repeats, so that a
 * caller can tell this process from another server on the port. Once it accepts connections it prints its port on a
 * line. It ends when its standard input ends, so it cannot outlive its caller.
 */
public final class FhirServer {

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        String token = arguments[1];
        var announcements = System.out;
        System.setOut(System.err); // a library that prints must not be taken for the announcement
        var context = new AnnotationConfigApplicationContext();
        context.setAllowCircularReferences(true); // HAPI's own beans refer to each other in a circle
        context.register(Storage.class);
        context.refresh();

        var handler = new ServletContextHandler();
        handler.addServlet(new ServletHolder(restfulServer(context, token)), "/fhir/*");
        var jetty = new Server(new InetSocketAddress("127.0.0.1", port));
        jetty.setHandler(handler);
        jetty.start();
        announcements.println(((ServerConnector) jetty.getConnectors()[0]).getLocalPort());
        while (System.in.read() >= 0) {
            // The caller writes nothing: only the end of the stream matters.
        }
        // halt, not exit: there is nothing to save, and closing the pools takes seconds.
        Runtime.getRuntime().halt(0);
    }

    private static RestfulServer restfulServer(AnnotationConfigApplicationContext context, String token) {
        var server = new RestfulServer(context.getBean(FhirContext.class));
        server.registerProviders(
                context.getBean("myResourceProvidersR4", ResourceProviderFactory.class).createProviders());
        server.registerProvider(context.getBean(IJpaSystemProvider.class));
        server.registerProvider(context.getBean(SubscriptionTriggeringProvider.class));
        var capabilities = new JpaCapabilityStatementProvider(
                server,
                context.getBean(IFhirSystemDao.class),
                context.getBean(JpaStorageSettings.class),
                context.getBean(ISearchParamRegistry.class),
                context.getBean(IValidationSupport.class));
        capabilities.setImplementationDescription(token);
        server.setServerConformanceProvider(capabilities);
        server.setPagingProvider(context.getBean(DatabaseBackedPagingProvider.class));
        server.setServerAddressStrategy(new IncomingRequestAddressStrategy());
        server.setDefaultResponseEncoding(EncodingEnum.JSON);
        return server;
    }

    @Configuration
    @EnableTransactionManagement
    @Import({
        JpaR4Config.class,
        ThreadPoolFactoryConfig.class,
        JpaBatch2Config.class,
        Batch2JobsConfig.class,
        SubscriptionSubmitterConfig.class,
        SubscriptionProcessorConfig.class,
        SubscriptionChannelConfig.class
    })
    static class Storage {
        @Bean
        JpaStorageSettings storageSettings() {
            var settings = new JpaStorageSettings();
            settings.setAllowExternalReferences(true);
            settings.setAllowMultipleDelete(true);
            settings.setExpungeEnabled(true);
            settings.setReuseCachedSearchResultsForMillis(null); // a test reads its own writes
            settings.setResourceClientIdStrategy(JpaStorageSettings.ClientIdStrategyEnum.ANY);
            settings.setResourceServerIdStrategy(JpaStorageSettings.IdStrategyEnum.UUID);
            return settings;
        }

        @Bean
        SubscriptionSettings subscriptionSettings() {
            var settings = new SubscriptionSettings();
            settings.addSupportedSubscriptionType(Subscription.SubscriptionChannelType.RESTHOOK);
            settings.setSubscriptionIntervalInMs(500);
            return settings;
        }

        @Bean
        PartitionSettings partitionSettings() {
            return new PartitionSettings();
        }

        @Bean
        DataSource dataSource() {
            var source = new BasicDataSource();
            source.setUrl("jdbc:h2:mem:fhir;DB_CLOSE_DELAY=-1");
            source.setMaxTotal(30);
            return source;
        }

        @Primary
        @Bean
        LocalContainerEntityManagerFactoryBean entityManagerFactory(
                ConfigurableListableBeanFactory beans, FhirContext fhir, JpaStorageSettings settings, DataSource source) {
            var factory = HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, settings);
            factory.setPersistenceUnitName("HAPI_PU");
            factory.setDataSource(source);
            var properties = new Properties();
            properties.put("hibernate.dialect", HapiFhirH2Dialect.class.getName());
            properties.put("hibernate.hbm2ddl.auto", "create");
            properties.put("hibernate.search.enabled", "false");
            properties.put("hibernate.archive.scanner", DisabledScanner.class.getName());
            properties.put("hibernate.jdbc.batch_size", "30");
            factory.setJpaProperties(properties);
            return factory;
        }

        @Primary
        @Bean
        JpaTransactionManager transactionManager(EntityManagerFactory factory) {
            return new JpaTransactionManager(factory);
        }

        @Bean
        IFulltextSearchSvc fulltextSearch() {
            return new FulltextSearchSvcImpl();
        }

        @Bean
        IStaleSearchDeletingSvc staleSearchDeleting() {
            return new StaleSearchDeletingSvcImpl();
        }

        @Bean
        IHSearchSortHelper searchSort(ISearchParamRegistry registry) {
            return new HSearchSortHelperImpl(registry);
        }

        @Bean
        IResourceSupportedSvc resourceSupported(DaoRegistry registry) {
            return new DaoRegistryResourceSupportedSvc(registry);
        }

        @Bean
        IBinaryStorageSvc binaryStorage() {
            return new DatabaseBinaryContentStorageSvcImpl();
        }

        @Bean
        ResourceCountCache myResourceCountsCache() { // the name is HAPI's: it is looked up by it
            return new ResourceCountCache(Map::of);
        }

        @Bean
        IEmailSender emailSender() {
            return details -> {};
        }

        @Bean
        DatabaseBackedPagingProvider pagingProvider() {
            var paging = new DatabaseBackedPagingProvider();
            paging.setDefaultPageSize(50);
            paging.setMaximumPageSize(1000);
            return paging;
        }
    }
}
